"""What a file is that is no model file: most formats say so in their first bytes.

Each kind comes with what to do, so that nobody copies a file again that was never a model.
"""

import json

from tinynet.support import magic as _magic
from tinynet.support.magic import PICTURES

_TAKE_OVER = "net.load_state_dict({name: array, ...}) takes arrays over"
_PICTURE = "a picture", "give it to what reads pictures; a model is what tn.save wrote"
_TABLE = "a table of data", "give it to what reads data; a model is what tn.save wrote"
_TORCH = (
    "a pickle or an archive of them, as torch.save writes it",
    "reading a pickle can run code. Where it comes from, write it with "
    "safetensors.torch.save_file(model.state_dict(), path)",
)
_PICKLE = (
    "a pickle or an archive of them",
    "reading a pickle can run code. Where it comes from, write its network with "
    "tn.save(net, path), or PyTorch's with "
    "safetensors.torch.save_file(model.state_dict(), path)",
)

KINDS: dict[str, tuple[str, str]] = {
    "gzip": ("compressed with gzip", "unpack it: gzip -dc < FILE > model.safetensors"),
    "bzip2": ("compressed with bzip2", "unpack it: bzip2 -dc < FILE > model.safetensors"),
    "xz": ("compressed with xz", "unpack it: xz -dc < FILE > model.safetensors"),
    "zstd": ("compressed with zstd", "unpack it: zstd -dc < FILE > model.safetensors"),
    "7z": ("a 7z archive", "unpack it, and give the file within"),
    "rar": ("a RAR archive", "unpack it, and give the file within"),
    "tar": ("a tar archive", "unpack it, and give the file within: tar -xf FILE"),
    "hdf5": (
        "an HDF5 file, as Keras and MATLAB write them",
        f"read its arrays with h5py; {_TAKE_OVER}, each weight as (out, in), so transpose Keras's",
    ),
    "lfs": (
        "a Git LFS pointer: it only names the file, which was not fetched",
        "run git lfs pull in its repository, or download the file itself",
    ),
    "npy": ("an array of NumPy's (.npy)", f"read it with np.load; {_TAKE_OVER}"),
    "gguf": ("a GGUF file", "get the model in safetensors form from where it comes from"),
    "tflite": ("a TensorFlow Lite model", f"read its arrays with TensorFlow; {_TAKE_OVER}"),
    "pdf": ("a PDF document", "give the path of the model file"),
    "idx": (
        "an IDX file, as those of MNIST",
        "tn.datasets reads data; a model is what tn.save wrote",
    ),
    **dict.fromkeys(PICTURES, _PICTURE),
    **dict.fromkeys(("parquet", "arrow", "sqlite", "xls"), _TABLE),
}


def kind_of(content: bytes) -> tuple[str, str] | None:
    """What these bytes are, and what to do; None: nothing that is known here.

    Parameters
    ----------
    content : bytes
        Of a file that is no safetensors file.
    """
    kind = _magic.kind_of(content)
    if kind == "zip":
        return _archive(content)
    if kind == "pickle":
        return _TORCH if b"l\xfc\x9cF\xf9" in content[:20] else _PICKLE
    if kind in KINDS:
        return KINDS[kind]
    # Two fields of a ModelProto: its version, and who wrote it.
    if content.startswith(b"\x08") and content[2:3] == b"\x12" and content[3:5] > b"\0":
        return (
            "an ONNX model, which tinynet writes but does not read",
            "load the model file that it was made from; or its arrays, "
            "{a.name: onnx.numpy_helper.to_array(a) for a in onnx.load(path).graph.initializer}, "
            "with net.load_state_dict",
        )
    return _text(content)


def _archive(content: bytes) -> tuple[str, str]:
    """Which zip archive it is, by the names within."""
    first = content[30 : 30 + int.from_bytes(content[26:28], "little")]
    if first.endswith(b".npy"):
        return "an archive of NumPy's arrays (.npz)", f"read it with np.load; {_TAKE_OVER}"
    if b"model.weights.h5" in content:
        return (
            "a model of Keras's (.keras)",
            "take its arrays from model.get_weights() in Keras; "
            f"{_TAKE_OVER}, each weight as (out, in), so transpose Keras's",
        )
    if b"/data.pkl" in content or first.endswith((b"data.pkl", b".pkl")):
        return _TORCH
    return "a zip archive", "unpack it, and give the file within"


def _text(content: bytes) -> tuple[str, str] | None:
    try:
        text = content[:4096].decode("utf-8", "ignore" if len(content) > 4096 else "strict")
    except UnicodeDecodeError:
        return None
    if any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text):
        return None
    text = text.removeprefix("\ufeff").strip()
    if text[:14].lower().startswith(("<!doctype html", "<html")):
        return (
            "an HTML page, which a server may send in place of a file",
            "open the address in a browser, and take the link that downloads the file itself",
        )
    if b'"weight_map"' in content:
        return (
            "the index of a model in several files, in JSON",
            "give a network the arrays of all files that it names, with net.load_state_dict",
        )
    if text.startswith(("{", "[")):
        try:
            json.loads(content)
            return "a JSON file", "give the path of the model file"
        except (ValueError, RecursionError):
            pass
    if not text:
        return None
    shown = text.splitlines()[0][:30]
    return f"a text file that begins {shown!r}", "give the path of the model file"
