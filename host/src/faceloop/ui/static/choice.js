// Native form controls as NiceGUI elements: radio buttons, a list, or one input. Each tells the server
// the value as text when the person has chosen it; labels are built in Python around it.

export default {
  inheritAttrs: false, // NiceGUI's own id would take the place of the one that a label names
  props: {
    kind: String, // "radio", "select", or the type of an <input>
    name: String,
    value: String,
    options: Array, // [value, label] pairs
    attributes: Object, // more HTML attributes of the control
    turn: Number, // counts how often the server has set the value
  },
  emits: ["choose"],
  data() {
    return { now: this.value };
  },
  watch: {
    turn() {
      this.now = this.value;
    },
  },
  methods: {
    take(value) {
      this.now = value;
      this.$emit("choose", value);
    },
    radio([value, label]) {
      const input = Vue.h("input", {
        type: "radio",
        name: this.name,
        value,
        checked: value === this.now,
        onChange: () => this.take(value),
      });
      return Vue.h("label", { key: value, class: "fl-option" }, [input, Vue.h("span", label)]);
    },
    list() {
      const options = this.options.map(([value, label]) =>
        Vue.h("option", { key: value, value, selected: value === this.now }, label),
      );
      const onChange = (event) => this.take(event.target.value);
      return Vue.h("select", { ...this.attributes, class: "fl-input", onChange }, options);
    },
    input() {
      const isBox = this.kind === "checkbox";
      const read = (event) => (isBox ? String(event.target.checked) : event.target.value);
      const state = isBox ? { checked: this.now === "true" } : { value: this.now };
      return Vue.h("input", {
        type: this.kind,
        ...this.attributes,
        ...state,
        class: "fl-input",
        // Else what is typed would be lost whenever something else on the page changes.
        onInput: (event) => {
          if (!isBox) this.now = event.target.value;
        },
        onChange: (event) => this.take(read(event)),
      });
    },
  },
  render() {
    if (this.kind === "radio") {
      return Vue.h("div", { class: "fl-options" }, this.options.map(this.radio));
    }
    return this.kind === "select" ? this.list() : this.input();
  },
};
