"""Whatever stands in a stored model's files, reading them gives what was published, or Damaged."""

import dataclasses
import hashlib
import json
import struct
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from harness.evaluation.rows import Row, RowCache
from harness.store.store import Mismatch, Store
from harness.store.stored_model import Damaged, StoredModel, read_header, read_weights, sha256_of_json
from harness.training.checkpoint import Checkpoint
from tests.builders.archives import RECIPES
from tests.fuzz.damage import ANY_JSON, altered, with_a_part_replaced

pytestmark = pytest.mark.slow

SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)  # many more under --long


def read(header: bytes) -> StoredModel | None:
    try:
        return read_header(header, "entry.json")
    except Damaged:
        return None


def sealed(content: dict[str, Any]) -> bytes:
    """As somebody would write it who knows how entry.json is sealed."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return json.dumps(rest | {"sha256": sha256_of_json(rest)}).encode()


@given(st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_at_all_are_taken_for_an_entry(content: bytes) -> None:
    assert read(content) is None


def test_json_that_is_nested_without_end_is_damaged() -> None:
    assert read(b"[" * 500_000) is None
    assert read(b'{"a":' * 100_000 + b"1" + b"}" * 100_000) is None


@SHARED
@given(data=st.data())
def test_an_altered_header_is_the_same_or_damaged(data: st.DataObject, intact: Store) -> None:
    content = intact.files(RECIPES[0])[0]
    found = read(data.draw(altered(content)))
    assert found is None or found == intact.find(RECIPES[0])


@SHARED
@given(data=st.data())
def test_a_header_that_was_sealed_again_has_fields_of_their_types_or_is_damaged(
    data: st.DataObject, intact: Store
) -> None:
    content = json.loads(intact.files(RECIPES[0])[0])
    changed = data.draw(with_a_part_replaced(content))
    found = read(sealed(changed) if isinstance(changed, dict) else json.dumps(changed).encode())
    if found is not None:
        assert found.recipe.canonical() == changed["recipe"]
        assert isinstance(found.outcome.gap, float) and isinstance(found.environment, dict)
        assert isinstance(found.outcome.steps, int) and len(found.weights_sha256) == 64


def weights_of(content: bytes, intact: Store) -> dict[str, torch.Tensor] | None:
    """What is read where entry.json names just this content."""
    stored = intact.find(RECIPES[0])
    assert stored is not None
    named = dataclasses.replace(stored, weights_sha256=hashlib.sha256(content).hexdigest())
    try:
        return read_weights(content, named, "model.safetensors")
    except Damaged:
        return None


@SHARED
@given(data=st.data())
def test_altered_tensors_are_damaged_or_tensors(data: st.DataObject, intact: Store) -> None:
    content = intact.files(RECIPES[0])[1]
    found = weights_of(data.draw(altered(content)), intact)
    assert found is None or all(isinstance(tensor, torch.Tensor) for tensor in found.values())


@SHARED
@given(data=st.data())
def test_a_safetensors_header_of_any_json_is_damaged_or_tensors(data: st.DataObject, intact: Store) -> None:
    content = intact.files(RECIPES[0])[1]
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    changed = json.dumps(data.draw(with_a_part_replaced(header))).encode()
    size = data.draw(st.sampled_from([len(changed), 0, 2**32, 2**63 - 1, 2**64 - 1]))
    found = weights_of(struct.pack("<Q", size) + changed + content[8 + length :], intact)
    assert found is None or all(isinstance(tensor, torch.Tensor) for tensor in found.values())


@pytest.mark.parametrize("change", ["lacks one", "another shape", "another type", "one more", "none"])
def test_a_sealed_entry_with_other_tensors_than_its_network_is_damaged(
    change: str, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    header, weights = intact.files(RECIPES[0])
    tensors = load_tensors(weights)
    name = next(name for name in tensors if name.startswith("model."))
    if change == "lacks one":
        del tensors[name]
    elif change == "another shape":
        tensors[name] = torch.zeros(3)
    elif change == "another type":
        tensors["history.correct"] = torch.zeros(1, dtype=torch.complex64)
        tensors["history.more"] = torch.zeros(1)
    elif change == "one more":
        tensors["model.more"] = torch.zeros(1)
    else:
        tensors = {}
    content = save_tensors(tensors)
    changed = json.loads(header) | {
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "weights_bytes": len(content),
    }
    store = Store(tmp_path_factory.mktemp("other"))
    store.put(RECIPES[0].key, sealed(changed), content)
    with pytest.raises(Mismatch, match="is stored with other tensors than its network has"):
        store.load(RECIPES[0], store.cache_dir)


@SHARED
@given(content=st.binary(max_size=400))
def test_no_bytes_at_all_are_taken_for_a_checkpoint(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("checkpoint") / "a"
    path.write_bytes(content)
    assert Checkpoint(path).load() is None


ROW = Row("m", 1, "a" * 64, "b" * 64, "c" * 64, "value", 0.1, "", 0.5)


@SHARED
@given(data=st.data())
def test_lines_of_the_row_cache_are_rows_or_left_out(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = RowCache(tmp_path_factory.mktemp("rows"))
    cache.append(ROW)
    path = cache.folder / "m.jsonl"
    path.write_bytes(data.draw(altered(path.read_bytes())))
    found, _ = cache.read(["m"])
    assert list(found.values()) in ([ROW], [])
