// Exchange the launch token in the address for a cookie, then show the app.
// The fragment never leaves the browser by itself and is wiped from the address at once.

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

function refuse() {
  document.getElementById("opening").hidden = true;
  document.getElementById("refused").hidden = false;
}

async function enter() {
  const answer = await fetch("/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Faceloop": "1" },
    body: JSON.stringify({ token }),
  });
  await answer.text();
  if (answer.ok) location.replace(location.pathname);
  else refuse();
}

if (token) enter().catch(refuse);
else refuse();
