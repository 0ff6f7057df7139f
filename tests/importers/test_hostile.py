"""ONNX files that lie: refused within limits, and no other file is opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.cli.models import nnplug_command
from tests.importers.graphs import dense, graph, node, onnx

FUZZED = 400


def changed(change, model=None):
    model = dense() if model is None else model
    change(model)
    return model.SerializeToString()


def elsewhere(tensor, location):
    """Let a tensor say that its numbers are in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "96")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def external(location):
    return changed(lambda model: elsewhere(model.graph.initializer[0], location))


def external_constant(location):
    tensor = elsewhere(onnx.numpy_helper.from_array(np.ones((3, 4)), "c"), location)
    made = graph([node("Constant", out="W", value=tensor), node("MatMul", "x", "W")], {})
    return made.SerializeToString()


def shaped(*dims):
    return changed(lambda m: m.graph.initializer[0].ClearField("dims")
                   or m.graph.initializer[0].dims.extend(dims))  # fmt: skip


def feed_back(taker, giver):
    """Let a node take the output of one that depends on it."""

    def change(model):
        model.graph.node[taker].input[0] = model.graph.node[giver].output[0]

    return changed(change)


def calls_itself(model):
    model.graph.node[1].op_type, model.graph.node[1].domain = "Own", "own"
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))
    function = model.functions.add()
    function.name, function.domain = "Own", "own"
    function.input.append("a")
    function.output.append("b")
    function.node.append(onnx.helper.make_node("Own", ["a"], ["b"], domain="own"))


def nested(times):
    """Put a graph into an attribute of a node of a graph, so many times, as bytes."""
    data = b""
    for field in (b"\x32", b"\x2a", b"\x0a") * times + (b":",):  # g, attribute, node; graph
        length, size = len(data), b""
        while length > 127:
            length, size = length >> 7, size + bytes([length & 127 | 128])
        data = field + size + bytes([length]) + data
    return data


def named_like_paths(model):
    """Give all that has a name that of a file, and keep what is computed."""
    names = {"x": "/dev/zero", "W1": "../../../etc/passwd", "t1": "C:\\pipe", "t4": "file:///etc"}
    for each in model.graph.node:
        each.name = "/etc/passwd"
        each.input[:] = [names.get(name, name) for name in each.input]
        each.output[:] = [names.get(name, name) for name in each.output]
    for each in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        each.name = names.get(each.name, each.name)
    model.graph.name = model.producer_name = model.doc_string = "../../../etc/passwd"


def renamed(model):
    for each in model.graph.node:
        each.name = "/etc/passwd"
    model.graph.node[1].op_type = "../../\x1b[2Jrm"


def not_a_number(model):
    array = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    array[0, 0] = np.nan
    model.graph.initializer[0].raw_data = array.tobytes()


def branch(model):
    inner = graph([node("Relu", "x")], {}).graph
    made = onnx.helper.make_node("If", ["x"], ["t9"], name="choice", then_branch=inner,
                                 else_branch=inner)  # fmt: skip
    model.graph.node.append(made)
    model.graph.output[0].name = "t9"


def meaning(model):
    function = model.functions.add()
    function.name, function.domain = "Relu", ""


def shared():
    big = np.ones((1500, 1500), np.float32)  # 9 MB, used 30 times
    arrays = {"big": big, "first": np.ones((3, 1500), np.float32)}
    return graph([node("MatMul", "x", "first"), *[node("MatMul", "", "big")] * 30], arrays)


def stated(opset):
    return lambda model: setattr(model.opset_import[0], "version", opset)


GOOD = dense().SerializeToString()
GRAPH = GOOD.index(b":")  # graph is field 7, of bytes

FILES = {
    "empty.onnx": (b"", "it has opset none"),
    "pickle.onnx": (b"\x80\x04\x95" + b"\x00" * 40, "it is not an ONNX file"),
    "text.onnx": (b"[theano.config]\nfloatX = float64\n", "it is not an ONNX file"),
    "zip.onnx": (b"PK\x03\x04" + b"\x00" * 60, "it is not an ONNX file"),
    "long_number.onnx": (b"\x3a" + b"\xff" * 12, "it is not an ONNX file"),
    "huge_field.onnx": (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + GOOD, "ends too early"),
    "many_nodes.onnx": (
        b"\x3a" + b"\x80\x89\x7a" + b"\x0a\x00" * 1_000_000,
        "it has more than 100,000 nodes and arrays.\nNetworks of so many layers",
    ),
    "much_beside.onnx": (
        changed(lambda m: setattr(m, "doc_string", "x" * (17 << 20))),
        "bytes beside the numbers of its weights, and 16,777,216 are the most",
    ),
    "external_up.onnx": (
        external("../../../etc/passwd"),
        "the numbers of array \"W1\" are in another file, '../../../etc/passwd', and no other file",
    ),
    "external_root.onnx": (external("/dev/zero"), "are in another file, '/dev/zero', and no"),
    "external_beside.onnx": (external("good.onnx"), "are in another file, 'good.onnx', and no"),
    "huge_shape.onnx": (shaped(1 << 40, 1 << 22), "has shape (1099511627776, 4194304), and it"),
    "negative.onnx": (shaped(-3, -4), 'array "W1" has shape (-3, -4).'),
    "many_axes.onnx": (shaped(3, 4, 1, 1, 1, 1), "has shape (3, 4, 1, 1, 1, 1)."),
    "turned.onnx": (shaped(4, 3), "what it adds has shape (4,), and it has 3 units."),
    "short.onnx": (shaped(3, 5), 'array "W1" has shape (3, 5), and it holds 12 numbers.'),
    "nothing.onnx": (
        changed(lambda m: m.graph.initializer[0].CopyFrom(
            onnx.numpy_helper.from_array(np.zeros((0, 4)), "W1"))),
        "its input has 3 numbers a row, and its first layer takes 0.",
    ),
    "narrow.onnx": (
        changed(lambda m: m.graph.initializer[2].CopyFrom(
            onnx.numpy_helper.from_array(np.zeros((5, 2)), "W2"))),
        "node t3 (Gemm): it takes 5 inputs, and what is before it gives 4.",
    ),
    "nan.onnx": (changed(not_a_number), "node t1 (Gemm): its weight holds a number that is not"),
    "half.onnx": (
        changed(lambda m: m.graph.initializer[0].CopyFrom(
            onnx.numpy_helper.from_array(np.zeros((3, 4), np.float16), "W1"))),
        "has elements of type 10 of ONNX, and float32 and float64 are taken in.",
    ),
    "circle.onnx": (feed_back(1, 3), "node t4 (Identity): it depends on itself."),
    "itself.onnx": (feed_back(1, 1), "node t2 (Relu): it depends on itself."),
    "first.onnx": (feed_back(0, 0), "node t1 (Gemm): it depends on itself."),
    "function.onnx": (changed(calls_itself), "node t2 (Own): it is of 'own', and not an operator"),
    "nested.onnx": (nested(2000), "it is not an ONNX file, or is damaged: "),
    "external_constant.onnx": (
        external_constant("/etc/passwd"), "are in another file, '/etc/passwd', and no other file",
    ),
    "huge_input.onnx": (
        changed(lambda m: setattr(
            m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 1 << 62)),
        "its input has 4,611,686,018,427,387,904 numbers a row, and its first layer takes 3.",
    ),
    "no_numbers.onnx": (
        changed(lambda m: m.graph.initializer[0].ClearField("raw_data")),
        'array "W1" has shape (3, 4), and it holds 0 numbers.',
    ),
    "sparse.onnx": (
        changed(lambda m: m.graph.sparse_initializer.add().dims.append(1 << 60)),
        "its arrays have no names, equal ones, or are sparse.",
    ),
    "names.onnx": (changed(renamed), "node /etc/passwd (../../\\x1b[2Jrm): no installed part"),
    "loose.onnx": (
        changed(lambda m: m.graph.node[1].input.__setitem__(0, "../nowhere")),
        "'../nowhere' is made by no node.",
    ),
    "twice.onnx": (
        changed(lambda m: m.graph.node[1].output.__setitem__(0, "t1")), "'t1' is made twice.",
    ),
    "same_arrays.onnx": (
        changed(lambda m: setattr(m.graph.initializer[1], "name", "W1")),
        "its arrays have no names, equal ones, or are sparse.",
    ),
    "outputs.onnx": (
        changed(lambda m: m.graph.output.append(m.graph.output[0])), "it has 2 outputs (t4, t4),",
    ),
    "no_graph.onnx": (changed(lambda m: m.ClearField("graph")), "it has 0 outputs (), and one"),
    "letters.onnx": (
        dense().SerializeToString().replace(b"Relu", b"Re\xff\xfe"),
        "node t2 (Re\ufffd\ufffd): no installed part is like it.",
    ),
    "if.onnx": (changed(branch), "node choice (If): no installed part is like it."),
    "meaning.onnx": (changed(meaning), "it gives operators of ONNX another meaning."),
    "future.onnx": (changed(stated(999)), "it has opset 999, and those from 7 to"),
    "past.onnx": (changed(stated(3)), "it has opset 3, and those from 7 to"),
    "shared.onnx": (shared().SerializeToString(), "many of its nodes share arrays, and it is too"),
    "rank.onnx": (
        changed(lambda m: m.graph.input[0].type.tensor_type.shape.dim.add()),
        "node t1 (Gemm): the rows have 3 dimensions here.",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, (data, _) in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "good.onnx").write_bytes(GOOD)
    (folder / "paths.onnx").write_bytes(changed(named_like_paths))
    for share in range(1, 20):
        (folder / f"cut{share:02}.onnx").write_bytes(GOOD[: len(GOOD) * share // 20])
    command = [sys.executable, "-m", "tests.importers.hostile", str(folder), str(FUZZED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *files, fuzzed = map(json.loads, done.stdout.splitlines())
    return {each["file"]: each for each in files}, fuzzed


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_lies_is_refused_with_the_reason(name, found):
    said = found[0][name]
    assert said["ended"] == "ModelFileError"
    assert f"{name}: this ONNX file cannot be taken in: " in said["message"]
    assert FILES[name][1] in said["message"]
    assert said["message"].partition("\n")[2]  # there is a way out
    assert said["message"].replace("\n", "").isprintable()


def test_a_file_that_was_cut_off_is_refused(found):
    ends = {name: each["ended"] for name, each in found[0].items() if name.startswith("cut")}
    assert len(ends) == 19
    assert set(ends.values()) == {"ModelFileError"}


def test_nothing_is_opened_beside_the_named_file(found):
    assert found[0]["good.onnx"]["ended"] == found[0]["paths.onnx"]["ended"] == "taken"
    assert {name: each["events"] for name, each in found[0].items() if each["events"]} == {}


def test_time_and_memory_have_limits(found):
    assert max(each["seconds"] for each in found[0].values()) < 5
    start = found[0]["circle.onnx"]["peak"]
    assert max(each["peak"] for each in found[0].values()) - start < 300 << 20


def test_random_damage_is_refused_or_taken_as_it_stands(found):
    ends = found[1]
    assert set(ends) <= {"taken", "ModelFileError"}
    assert sum(ends.values()) == FUZZED
    assert ends["ModelFileError"] > FUZZED / 4


def test_the_command_says_so_without_a_traceback(tmp_path):
    path = tmp_path / "up.onnx"
    path.write_bytes(FILES["external_up.onnx"][0])
    done = nnplug_command("import", str(path), "-o", str(tmp_path / "m.safetensors"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}: this ONNX file cannot be taken in: the numbers")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_or_a_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    for path, what in (
        (tmp_path / "pipe.onnx", "is not a regular file"),
        (tmp_path, "is a folder"),
    ):
        done = nnplug_command("import", str(path), "-o", str(tmp_path / "m.safetensors"))
        assert done.returncode == 2
        assert done.stderr == f"error: {path}: {what}. Name a file.\n"
