"""Where the numbers of a programme come from; one without a source is a proposal of our own."""

from __future__ import annotations

from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

__all__ = [
    "BERNARDES",
    "GUNTINAS",
    "HODGES",
    "IMPROVE_FP",
    "KIM",
    "NHS",
    "source_of",
]

BERNARDES: JsonDict = {"source": "Bernardes et al. 2018, 10.1055/s-0037-1607335"}
GUNTINAS: JsonDict = {"source": "Guntinas-Lichius et al. 2022, 10.3389/fneur.2022.1019554"}
HODGES: JsonDict = {"source": "Hodges, Bui 1996, Electroencephalogr Clin Neurophysiol 101:511"}
IMPROVE_FP: JsonDict = {"source": "Improve FP, practice pages"}
KIM: JsonDict = {"source": "Kim et al. 2018, 10.1155/2018/4069530"}
NHS: JsonDict = {"source": "Midlands Partnership NHS"}


def source_of(field: FieldInfo) -> str:
    """Return the paper or page that a field's default follows, empty where there is none."""
    extra = field.json_schema_extra
    return str(extra["source"]) if isinstance(extra, dict) and "source" in extra else ""
