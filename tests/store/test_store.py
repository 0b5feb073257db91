"""The store: there whole or not at all, and never taken for what it is not."""

import dataclasses
import json
import random
from pathlib import Path

import pytest
import torch

from harness.store.secret_folder import found_in
from harness.store.store import Busy, Damaged, Store
from harness.store.stored_model import sha256_of_json
from harness.training.recipe import Recipe
from harness.training.train import train

RECIPE = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.3, seed=1, num_train=50, max_epochs=3)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Store:
    cache = tmp_path_factory.mktemp("store")
    store = Store(cache)
    result, outcome, data = train(RECIPE, cache)
    store.publish(RECIPE, result, outcome, data)
    return store


@pytest.fixture
def store(published: Store, tmp_path: Path) -> Store:
    """A copy of the published store, to be damaged."""
    own = Store(tmp_path)
    for file in published.folder(RECIPE).iterdir():
        own.folder(RECIPE).mkdir(parents=True, exist_ok=True)
        (own.folder(RECIPE) / file.name).write_bytes(file.read_bytes())
    return own


def test_what_is_published_is_found_with_its_outcome(published: Store) -> None:
    model = published.find(RECIPE)
    assert model is not None
    assert model.outcome.epochs == 3
    assert not model.outcome.fitted


def test_what_was_not_published_is_not_found(published: Store) -> None:
    assert published.find(Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.3, seed=2)) is None


def test_a_loaded_model_has_the_weights_that_were_trained(published: Store, tmp_path: Path) -> None:
    again, _, data = train(RECIPE, tmp_path)
    loaded = published.load(RECIPE, tmp_path)
    for trained, stored in ((again.model, loaded.model), (again.init, loaded.init)):
        for a, b in zip(trained.parameters(), stored.parameters(), strict=True):
            assert torch.equal(a, b)
    assert torch.equal(loaded.inputs, data.train_inputs)
    assert torch.equal(loaded.labels, data.train_labels)
    assert torch.equal(loaded.history.correct, again.history.correct)
    assert not loaded.model.training


def test_a_loaded_model_does_not_know_its_condition_or_its_outcome(published: Store, tmp_path: Path) -> None:
    loaded = published.load(RECIPE, tmp_path)
    names = set(vars(loaded))
    assert names == {"model", "init", "inputs", "labels", "num_classes", "history", "seed", "retrain_function"}


def test_retraining_on_the_same_examples_gives_the_same_network(published: Store, tmp_path: Path) -> None:
    loaded = published.load(RECIPE, tmp_path)
    again = loaded.retrain(loaded.inputs, loaded.labels)
    for a, b in zip(again.parameters(), loaded.model.parameters(), strict=True):
        assert torch.equal(a, b)
    other = loaded.retrain(loaded.inputs, loaded.labels, reseed=1)
    assert not torch.equal(next(other.parameters()), next(again.parameters()))


@pytest.mark.parametrize("network", ["mlp_2x8", "convnet_bn"])
def test_a_stored_dropout_model_comes_back_as_the_function_that_was_trained(network: str, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, network=network, dropout=0.5, random_crop=1)
    result, outcome, data = train(recipe, tmp_path)
    store = Store(tmp_path)
    store.publish(recipe, result, outcome, data)
    loaded = store.load(recipe, tmp_path)
    for trained, stored in ((result.model, loaded.model), (result.init, loaded.init)):
        assert not any(module.training for module in stored.modules())
        assert str(stored) == str(trained)
        with torch.no_grad():
            assert torch.equal(stored(data.test_inputs), trained(data.test_inputs))
    again = loaded.retrain(loaded.inputs, loaded.labels)
    with torch.no_grad():
        assert torch.equal(again(data.test_inputs), loaded.model(data.test_inputs))


def test_a_stored_dropout_model_has_the_layers_and_snapshots_of_a_network_without(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, network="mlp_2x8", dropout=0.5)
    store = Store(tmp_path)
    store.publish(recipe, *train(recipe, tmp_path))
    loaded = store.load(recipe, tmp_path)
    assert [tuple(layer.weight.shape) for layer in loaded.layers] == [(8, 64), (8, 8), (10, 8)]
    assert [epoch for epoch, _ in loaded.snapshots] == [1, 2]
    for _, network in loaded.snapshots:
        assert not any(module.training for module in network.modules())


def test_an_attacked_model_is_loaded_with_the_examples_of_its_twin_and_a_history_of_these(
    published: Store, tmp_path: Path
) -> None:
    attacked = dataclasses.replace(RECIPE, attack=30)
    store = Store(tmp_path)
    store.publish(attacked, *train(attacked, tmp_path))
    ours, theirs = store.load(attacked, tmp_path), published.load(RECIPE, tmp_path)
    assert torch.equal(ours.inputs, theirs.inputs)
    assert torch.equal(ours.labels, theirs.labels)
    assert ours.history.correct.shape == (3, 50)
    assert not torch.equal(ours.logits, theirs.logits)
    both = [store.find(attacked), published.find(RECIPE)]
    assert len({model.data_sha256 for model in both if model}) == 1


def test_publishing_twice_keeps_the_first(store: Store, tmp_path: Path) -> None:
    before = (store.folder(RECIPE) / "entry.json").read_bytes()
    store.publish(RECIPE, *train(RECIPE, tmp_path))
    assert (store.folder(RECIPE) / "entry.json").read_bytes() == before
    assert not list(store.temporary.iterdir())


def test_every_altered_byte_is_detected(store: Store) -> None:
    rng = random.Random(0)
    intact = {file: file.read_bytes() for file in store.folder(RECIPE).iterdir()}
    for _ in range(200):
        file = rng.choice(sorted(intact))
        content = bytearray(intact[file])
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        file.write_bytes(bytes(content))
        with pytest.raises(Damaged):
            store.verify(RECIPE)
        file.write_bytes(intact[file])
    assert store.find(RECIPE) is not None


@pytest.mark.parametrize("name", ["entry.json", "model.safetensors"])
@pytest.mark.parametrize("length", [0, 100])
def test_a_truncated_file_is_detected(store: Store, name: str, length: int) -> None:
    file = store.folder(RECIPE) / name
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(Damaged):
        store.find(RECIPE)


@pytest.mark.parametrize("name", ["entry.json", "model.safetensors"])
def test_a_missing_file_is_detected(store: Store, name: str) -> None:
    (store.folder(RECIPE) / name).unlink()
    with pytest.raises(Damaged):
        store.find(RECIPE)


@pytest.mark.parametrize("content", ["[]", '"text"', '{"sha256": "x", "a": NaN}', '{"a": 1}', "{", "\u00ff"])
def test_an_entry_that_is_other_json_or_none_is_detected(store: Store, content: str) -> None:
    (store.folder(RECIPE) / "entry.json").write_text(content, encoding="latin-1")
    with pytest.raises(Damaged):
        store.find(RECIPE)


def test_an_entry_of_another_format_is_detected(store: Store) -> None:
    file = store.folder(RECIPE) / "entry.json"
    header = json.loads(file.read_text())
    del header["sha256"]
    header["format"] = 99
    header["sha256"] = sha256_of_json(header)
    file.write_text(json.dumps(header))
    with pytest.raises(Damaged, match="has format 99; this code reads 1"):
        store.find(RECIPE)


def test_setting_aside_what_another_run_has_moved_is_no_error(store: Store) -> None:
    store.set_aside(RECIPE)
    store.set_aside(RECIPE)
    assert len(list(store.quarantine.iterdir())) == 1


def test_others_may_read_a_published_entry(published: Store) -> None:
    assert published.folder(RECIPE).stat().st_mode & 0o055 == 0o055


def test_an_entry_under_another_recipes_key_is_detected(store: Store) -> None:
    other = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.3, seed=2, num_train=50, max_epochs=3)
    store.folder(other).parent.mkdir(parents=True, exist_ok=True)
    store.folder(RECIPE).rename(store.folder(other))
    with pytest.raises(Damaged, match="about another recipe"):
        store.find(other)


def test_a_damaged_entry_is_set_aside_whole(store: Store) -> None:
    place = store.set_aside(RECIPE)
    assert store.find(RECIPE) is None
    assert json.loads((place / "entry.json").read_text())["recipe"] == RECIPE.canonical()


def test_a_failed_write_leaves_nothing_behind(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.3, seed=3, num_train=50, max_epochs=1)
    result = train(other, tmp_path)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.store.store._write_durably", full)
    with pytest.raises(OSError, match="No space left"):
        store.publish(other, *result)
    assert store.find(other) is None
    assert not list(store.temporary.iterdir())


def test_a_held_lock_is_busy_for_others_and_free_again_after(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.store.store.LOCK_SECONDS", 0.05)
    other = Store(store.cache_dir)
    with store.lock(RECIPE), pytest.raises(Busy), other.lock(RECIPE):
        pass
    with other.lock(RECIPE):
        pass


def test_where_locks_do_not_work_training_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise NotImplementedError("no locks on this file system")

    monkeypatch.setattr("filelock.FileLock.acquire", broken)
    with store.lock(RECIPE):
        assert store.find(RECIPE) is not None


def test_finding_reads_no_weights_but_their_size(store: Store) -> None:
    weights = store.folder(RECIPE) / "model.safetensors"
    intact = weights.read_bytes()
    weights.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    assert store.find(RECIPE) is not None
    with pytest.raises(Damaged, match="altered"):
        store.verify(RECIPE)
    weights.write_bytes(intact[:-1])
    with pytest.raises(Damaged, match=f"cut short: {len(intact) - 1} bytes of {len(intact)}"):
        store.find(RECIPE)


def test_an_entry_says_which_attempt_it_was(store: Store, tmp_path: Path) -> None:
    model = store.find(RECIPE)
    assert model is not None and model.environment["attempt"] == 1
    other = dataclasses.replace(RECIPE, seed=9)
    assert store.publish(other, *train(other, tmp_path), attempt=3).environment["attempt"] == 3
    assert store.verify(other) == store.find(other)


# A store under another


@pytest.fixture
def above(store: Store, tmp_path: Path) -> Store:
    """An empty one over the copy."""
    return Store(tmp_path / "own", store.cache_dir)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_lies_below_is_found_and_loaded_and_nothing_is_written_there(
    above: Store, store: Store, tmp_path: Path
) -> None:
    before = files(store.models)
    assert above.holds(RECIPE)
    assert above.find(RECIPE) == above.verify(RECIPE) == store.find(RECIPE)
    assert torch.equal(above.load(RECIPE, tmp_path).logits, store.load(RECIPE, tmp_path).logits)
    assert above.files(RECIPE) == store.files(RECIPE)
    assert files(store.models) == before
    assert not above.models.exists()


def test_what_a_store_has_itself_comes_before_what_lies_below(above: Store, store: Store, tmp_path: Path) -> None:
    above.publish(RECIPE, *train(RECIPE, tmp_path), attempt=2)
    found = above.find(RECIPE)
    assert found is not None and found.environment["attempt"] == 2


def test_what_is_damaged_below_stays_there_and_is_not_looked_at_any_more(
    above: Store, store: Store, tmp_path: Path
) -> None:
    weights = store.folder(RECIPE) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(Damaged):
        above.find(RECIPE)
    before = files(found_in(store.cache_dir) / "models")
    assert above.set_aside(RECIPE) == store.folder(RECIPE)
    assert above.find(RECIPE) is None and not above.holds(RECIPE)
    above.publish(RECIPE, *train(RECIPE, tmp_path))
    assert above.verify(RECIPE) is not None
    assert files(found_in(store.cache_dir) / "models") == before
