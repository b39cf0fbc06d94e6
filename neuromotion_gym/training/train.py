"""Training of a decoder from its recipe with Lightning, from a seed; it can be resumed after every epoch.

``train("classifiers/NAME/recipe.yaml")`` keeps a checkpoint of every epoch in a work folder, which is named by recipe,
recordings, code and versions (`neuromotion_gym.training.digest`). When it is called again after an interruption, it
continues from the last epoch; if any of these has changed, it starts from the beginning. The decoder's folder is
written at the end.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import time
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.adaptation import FOLLOWS
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import MODEL, RECIPE
from neuromotion_gym.decoders.recipe import Recipe, load_recipe, recipe_text, with_scale
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import check_folder, filling, make_folder
from neuromotion_gym.resources import cache_folder
from neuromotion_gym.signals.amplitude import typical_amplitude
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.training.architectures import build_network
from neuromotion_gym.training.data import further_sessions, people_of, sessions_of, targets_of
from neuromotion_gym.training.digest import training_digest
from neuromotion_gym.training.export import export_onnx
from neuromotion_gym.training.fine_tuning import also_fitted_on, freeze, refuse_if_seen, start_from
from neuromotion_gym.training.fitted_on import record_of_training, with_fingerprints
from neuromotion_gym.training.history import DIGITS, HISTORY, History, read_history
from neuromotion_gym.training.loggers import LoggerName, logger_of
from neuromotion_gym.training.metrics_file import current_metrics, write_metrics
from neuromotion_gym.training.networks.network import DecoderNetwork, Ensemble
from neuromotion_gym.training.overlapping import split_at_random
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.trials_aside import split_trials

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

FIRST_HEADS = 0.02
"""Standard deviation of the last layers of people before training."""
PLAYED_PARTS = ("tune", "test")
"""Parts that are meant to be played; figures on a part say nothing about a decoder that was trained on that part."""


class _Batches(Dataset[tuple["Tensor", ...]]):
    """Batches of one epoch; batch ``i`` depends only on seed, epoch and ``i``, so that resuming changes nothing.

    Windows are varied here, on the CPU, so that random numbers are the same with and without an accelerator.
    """

    def __init__(
        self,
        data: TrainingWindows,
        batch: int,
        key: tuple[int, int] | None = None,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        *,
        targets: bool = False,
        people: bool = False,
    ) -> None:
        self.data, self.batch, self.key, self.augment, self.people = data, batch, key, augment, people
        self.truth = targets_of(data) if targets else data.labels
        n = len(data.labels)
        self.order = np.arange(n) if key is None else np.random.default_rng(key).permutation(n)
        self.count = -(-n // batch) if key is None else max(1, n // batch)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        if index >= self.count:
            raise IndexError(index)
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        generator = None if self.key is None else np.random.default_rng((*self.key, index))
        window = torch.from_numpy(self.data.windows(rows, generator))
        if self.augment is not None and self.key is not None:
            window = self.augment(window, torch.Generator().manual_seed(_seed(*self.key, index)))
        truth = torch.from_numpy(self.truth[rows])
        also = self.data.people[rows] if self.people else self.data.adaptation(rows)
        return (truth, window) if also is None else (truth, window, torch.from_numpy(also))


def _is_positive(spec: DecoderSpec) -> Tensor:
    """1 at the label that a high value of a single output stands for, 0 at the other one; shape (labels,)."""
    return torch.tensor([float(label == spec.positive) for label in spec.labels])


def _seed(*numbers: int) -> int:
    """One seed from several numbers; tuples of integers have the same hash everywhere."""
    return hash(numbers) % 2**31


def _seed_dropout(seed: int) -> None:
    """Seed the random numbers of layers; without an accelerator `torch.manual_seed` does the same, but slowly."""
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


class DecoderTraining(lightning.LightningModule):
    """One network in training; ``load_from_checkpoint`` makes one from a ``model.ckpt``.

    A decoder of labels is trained with the cross-entropy, one of targets with the mean squared error. Where the last
    layer is the wearer's own (``adaptation.kind: head``), each person who is trained on has one that is learned
    together with the network. These are dropped at the end: a wearer's is fitted to the calibration run.

    Parameters
    ----------
    recipe : Recipe, or mapping with its content
    seed : int, optional
        Seed of the one network to train. When left out, the network has as many members as ``training.seeds``.
    train, tune : TrainingWindows, optional
        Windows to train on, and windows for the accuracy on the tune part.
    """

    def __init__(
        self,
        recipe: Recipe | Mapping[str, Any],
        seed: int | None = None,
        train: TrainingWindows | None = None,
        tune: TrainingWindows | None = None,
    ) -> None:
        super().__init__()
        recipe = recipe if isinstance(recipe, Recipe) else Recipe(**recipe)
        self.options = recipe.trainable()[2]
        self.output = recipe.decoder.output
        self.labels = len(recipe.decoder.labels)
        self.register_buffer("positive", _is_positive(recipe.decoder), persistent=False)
        self.seed = self.options.seed if seed is None else seed
        self.train_windows, self.tune_windows = train, tune
        torch.manual_seed(self.seed)
        self.network = _whole_network(recipe) if seed is None else build_network(recipe)
        self.classifies = recipe.decoder.classifies
        self.heads: torch.nn.Parameter | None = None
        if train is not None and recipe.decoder.adaptation.kind == "head":
            shape = (int(train.people.max()) + 1, *recipe.decoder.adaptation.shape)
            self.heads = torch.nn.Parameter(FIRST_HEADS * torch.randn(shape))
        self.history: History | None = None
        self._hits = torch.zeros(self.labels, 2)
        self._sums = torch.zeros(3)
        self._curves: dict[str, float] = {}
        self._began_s = 0.0

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of this epoch."""
        assert self.train_windows is not None
        key = (self.seed, self.current_epoch)
        batches = self._batches(self.train_windows, self.options.batch, key, self.network.augment)
        return DataLoader(batches, batch_size=None, num_workers=self.options.workers)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Windows of the tune part; none where the recipe has no such part."""
        if self.tune_windows is None:
            return []
        return DataLoader(self._batches(self.tune_windows, 256), batch_size=None)

    def _batches(self, windows: TrainingWindows, batch: int, *varied: Any) -> _Batches:
        return _Batches(windows, batch, *varied, targets=not self.classifies, people=self.heads is not None)

    def output_of(self, inputs: Sequence[Tensor]) -> Tensor:
        """Targets, or what `log_probabilities` gives."""
        if self.heads is not None:
            window, people = inputs
            inputs = (window, self.heads[people])
        return self.log_probabilities(inputs) if self.classifies else self.network(*inputs)[0]

    def loss(self, output: Tensor, truth: Tensor, **options: Any) -> Tensor:
        """Cross-entropy of labels, or mean squared error of targets."""
        if self.classifies:
            return functional.cross_entropy(output, truth, **options)
        return functional.mse_loss(output, truth)

    def log_probabilities(self, inputs: Sequence[Tensor]) -> Tensor:
        """Output of the network for the cross-entropy: logits or log-probabilities, one for each label."""
        output: Tensor = self.network(*inputs)[0]
        if self.output == "logit":  # cross-entropy of this logit and 0 is the binary cross-entropy
            output = output.reshape(-1, 1) * self.positive
        return torch.log(output.clamp_min(1e-12)) if self.output == "probabilities" else output

    def training_step(self, batch: tuple[Tensor, ...], index: int) -> Tensor:
        """Loss of one batch."""
        truth, *inputs = batch
        # Dropout is seeded in every step, so that resumed training draws the same random numbers
        _seed_dropout(_seed(self.seed, self.current_epoch, index))
        output = self.output_of(inputs)
        loss = self.loss(output, truth, label_smoothing=self.options.label_smoothing)
        right = (output.argmax(1) == truth).float().mean() if self.classifies else torch.full_like(loss, torch.nan)
        # Summed here, since Lightning's own means over an epoch cost as much time as a small network
        self._sums += len(truth) * torch.stack([loss.detach(), right, torch.ones_like(right)]).cpu()
        return loss

    def on_train_epoch_start(self) -> None:
        """Begin the curves of an epoch."""
        self._began_s = time.process_time()
        self._sums.zero_()
        self._curves = {}

    def on_train_epoch_end(self) -> None:
        """Log loss and share of right decisions, and write the curves."""
        loss, right, count = self._sums.tolist()
        seconds = time.process_time() - self._began_s
        self._curves |= {"loss": loss / count, "seconds": seconds}
        self._curves |= {"accuracy": right / count} if self.classifies else {}
        self.log("loss", self._curves["loss"], prog_bar=True)
        if self.classifies:
            self.log("accuracy", self._curves["accuracy"])
        self.log("seconds", seconds)
        if self.history is not None:
            self.history.add(self.current_epoch + 1, self._curves)

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Scale gradients down: all together, or each array of parameters alone."""
        if not self.options.clip_each:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        for value in self.parameters():
            if value.grad is not None and gradient_clip_val:
                norm = torch.linalg.vector_norm(value.grad) / gradient_clip_val
                value.grad.div_(norm.clamp_min(1.0))

    def on_validation_epoch_start(self) -> None:
        """Set the counts to zero."""
        self._hits.zero_()
        self._curves["tune_loss"] = 0.0

    def validation_step(self, batch: tuple[Tensor, ...], index: int) -> None:
        """Count right decisions and windows of each label; of targets the loss alone is summed."""
        labels, *inputs = batch
        output = self.output_of(inputs)
        if not self.classifies:
            self._curves["tune_loss"] += len(labels) * float(self.loss(output, labels))
            return
        self._curves["tune_loss"] += float(functional.cross_entropy(output, labels, reduction="sum"))
        right = (output.argmax(1) == labels).float().cpu()
        self._hits[:, 0].index_add_(0, labels.cpu(), right)
        self._hits[:, 1].index_add_(0, labels.cpu(), torch.ones_like(right))

    def on_validation_epoch_end(self) -> None:
        """Log loss, share of right decisions and balanced accuracy on the tune windows; of targets the loss alone."""
        if not self.classifies:
            assert self.tune_windows is not None
            self._curves["tune_loss"] /= len(self.tune_windows.labels)
            self.log("tune_loss", self._curves["tune_loss"])
            return
        present = self._hits[:, 1] > 0
        accuracy = (self._hits[present, 0] / self._hits[present, 1]).mean()
        right, count = self._hits.sum(0).tolist()
        self._curves["tune_loss"] /= count
        self._curves |= {"tune_accuracy": right / count, "tune_balanced_accuracy": float(accuracy)}
        self.log("tune_balanced_accuracy", accuracy, prog_bar=True)
        self.log("tune_accuracy", right / count)
        self.log("tune_loss", self._curves["tune_loss"])

    def configure_optimizers(self) -> Any:
        """AdamW and the schedule of the recipe, which `TrainingRecipe` describes."""
        options = self.options
        trained = [value for value in self.parameters() if value.requires_grad]
        decayed = [value for value in trained if value.ndim > 1 or options.decay == "all"]
        others = [value for value in trained if value.ndim <= 1 and options.decay != "all"]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": options.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=options.learning_rate,
            foreach=True,
        )
        if options.schedule == "constant":
            return optimizer
        if options.schedule == "milestones":
            return {
                "optimizer": optimizer,
                "lr_scheduler": torch.optim.lr_scheduler.MultiStepLR(optimizer, list(options.milestones), gamma=0.1),
            }
        if options.schedule == "epochs":
            period = options.epochs if options.t_max is None else options.t_max
            return {
                "optimizer": optimizer,
                "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, period),
            }
        assert self.train_windows is not None
        steps = options.epochs * _Batches(self.train_windows, options.batch, (0, 0)).count
        rise = max(1, round(options.warmup * steps))

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return max(1e-3, 0.5 * (1 + float(np.cos(np.pi * (step - rise) / max(1, steps - rise)))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train(
    recipe: str | Path | Recipe,
    out: str | Path | None = None,
    *,
    work: str | Path | None = None,
    root: str | os.PathLike[str] | None = None,
    exclude: Sequence[str] = (),
    progress: bool = True,
    logger: LoggerName = "csv",
    log_folder: str | os.PathLike[str] | None = None,
) -> Path:
    """Train a decoder and write its folder: recipe.yaml, model.onnx, model.pt, model.ckpt and fitted_on.json.

    The training time goes to ``metrics.json``, whose figures are kept if they are of the same graph.

    A recipe may train on recordings that benchmarks play, for a final model, but a warning says so.

    Parameters
    ----------
    recipe : path or Recipe
        ``recipe.yaml`` or its folder, or a recipe made in Python (then ``out`` is needed).
    out : path, optional
        Folder to write; the recipe's own when left out.
    work : path, optional
        Folder for checkpoints; below the cache folder when left out. It is removed at the end.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    exclude : sequence of str
        People left out in addition to those that the recipe excludes, since they are decoded later (folds).
    progress : bool
        Whether to show a progress bar.
    logger, log_folder
        Where the curves of a training by gradient are written while it runs, see
        `neuromotion_gym.training.loggers.logger_of`.

    Returns
    -------
    path
        The folder.

    Raises
    ------
    NeuroMotionError
        If recipe or data do not fit, or training ends in NaN.
    KeyboardInterrupt
        After Ctrl-C; the same call continues from the last complete epoch.
    """
    began_s, before_s = time.process_time(), 0.0
    source = None if isinstance(recipe, Recipe) else Path(recipe)
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    loaded = with_scale(loaded, None)  # what was found before says nothing of the data that it is trained on now
    data, _, options = loaded.trainable()
    _check_options(loaded)
    if out is None and source is None:
        raise NeuroMotionError("A recipe made in Python needs the folder to write to (out).")
    folder = check_folder(out if out is not None else _folder_of(source))
    kind = "none" if options.method == "closed_form" else logger
    loggers = [logger_of(kind, loaded.decoder.name, log_folder) for _ in range(options.seeds)]
    left_out = (*data.exclude, *exclude)
    if not exclude:
        _warn_of_played(loaded)
    elif options.start_from is not None:
        refuse_if_seen(options.start_from, loaded.decoder.dataset, exclude)
    sessions = sessions_of(loaded, data.train, root=root, exclude=left_out, calibration_apart=False)
    sessions += further_sessions(loaded, root=root)
    windows = prepared_windows(loaded, sessions)
    recordings = [recording for session in sessions for recording in session.recordings]
    record = record_of_training(recordings, loaded.decoder.dataset, part=data.train, excluded=left_out)
    scale = typical_amplitude((fitted(recording, loaded.decoder) for recording in recordings), loaded.decoder.window)
    del sessions, recordings  # no longer needed; all recordings together may be a gigabyte
    key = training_digest(loaded, data.train, exclude, root)
    work = (cache_folder() / "training" if work is None else Path(work)) / key
    curves: list[Any] = []
    if options.method == "closed_form":
        network = _closed_form(loaded, windows)
    else:
        tune: TrainingWindows | None = None
        if data.tune is not None:
            tune = prepared_windows(loaded, sessions_of(loaded, data.tune, root=root, exclude=data.exclude))
        if data.overlapping is not None:
            windows, tune = split_at_random(windows, data.overlapping)
        if data.trials_aside is not None:
            windows, tune, _ = split_trials(windows, data.trials_aside)
        before_s = sum(_seconds(work / str(index)) for index in range(options.seeds))
        members = [
            _gradient(loaded, options.seed + index, windows, tune, work / str(index), progress, loggers[index])
            for index in range(options.seeds)
        ]
        curves = [read_history(work / str(index) / HISTORY) for index in range(options.seeds)]
        network = members[0] if len(members) == 1 else Ensemble(members, loaded.decoder.output)
    if not exclude:  # a fold decodes only its own data set, where names of people and runs are enough
        record = with_fingerprints(record, loaded.decoder.channels, root)
    if options.start_from is not None:
        record = also_fitted_on(record, options.start_from)
    write_folder(network, with_scale(loaded, float(f"{scale:.3g}")), folder, record, source, curves=curves)
    write_metrics(folder, current_metrics(folder) | {"training_s": round(before_s + time.process_time() - began_s)})
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _check_options(recipe: Recipe) -> None:
    """Refuse options of a training by gradient that do not apply to a decoder of targets, or to last layers of people.

    Raises
    ------
    NeuroMotionError
        If there are some.
    """
    data, _, options = recipe.trainable()
    spec = recipe.decoder
    if options.method == "closed_form":
        return
    if not spec.classifies:
        usual = options.model_copy(update={"keep": "last", "stop_at": None, "label_smoothing": 0.0})
        if options != usual or data.overlapping is not None or data.trials_aside is not None:
            raise NeuroMotionError(
                f"training.keep 'best', stop_at and label_smoothing, data.overlapping and data.trials_aside are for "
                f"labels; {spec.name!r} gives targets. Leave them out."
            )
    if spec.adaptation.kind == "head" and (data.tune is not None or options.seeds > 1 or options.keep == "best"):
        raise NeuroMotionError(
            f"The last layer of {spec.name!r} is each person's own (adaptation.kind 'head'): it cannot be evaluated "
            "during training, and features of several seeds cannot be averaged. Set data.tune to null, training.keep "
            "to 'last' and training.seeds to 1."
        )


def _seconds(work: Path) -> float:
    """Processor time of the epochs of one network before an interruption."""
    path = work / HISTORY
    return sum(row["seconds"] for row in read_history(path)) if path.is_file() else 0.0


def _warn_of_played(recipe: Recipe) -> None:
    """Warn if a recipe trains on runs that are meant to be played."""
    data, _, _ = recipe.trainable()
    table = registry.dataset(recipe.decoder.dataset).table
    trained = people_of(recipe, data.train, data.exclude)
    seen: list[str] = []
    for part in PLAYED_PARTS:
        try:
            played = table.runs(part, data.session_kind)  # type: ignore[arg-type]
        except NeuroMotionError:  # nobody in this part recorded this kind of session
            continue
        seen += [f"{person} of part {part}" for person in played if set(played[person]) & set(trained.get(person, ()))]
    if seen:
        names = f"{', '.join(seen[:4])}{f' and {len(seen) - 4} more' if len(seen) > 4 else ''}"
        warnings.warn(
            f"{recipe.decoder.name!r} is trained on part {data.train!r}, in which are recordings that benchmarks play "
            f"({names}). Its figures on them will say nothing of new recordings.",
            stacklevel=3,
        )


def _folder_of(source: Path | None) -> Path:
    assert source is not None
    return source if source.is_dir() else source.parent


def _closed_form(recipe: Recipe, windows: TrainingWindows) -> DecoderNetwork:
    _, _, options = recipe.trainable()
    torch.manual_seed(options.seed)
    built = build_network(recipe)
    with torch.no_grad():
        built.prepare(windows, np.random.default_rng(options.seed))
        built.fit(windows, np.random.default_rng(options.seed))
    return built.eval()


def _check_resumable(last: Path, module: DecoderTraining) -> None:
    """Refuse a checkpoint that is broken or holds another network."""
    try:
        module.load_state_dict(torch.load(last, map_location="cpu", weights_only=True)["state_dict"])
    except Exception as error:  # torch raises RuntimeError, KeyError, EOFError, UnpicklingError ...
        raise NeuroMotionError(
            f"Training cannot go on from {last}: the file is broken or holds another network. "
            f"Delete the folder {last.parent} and train anew."
        ) from error


def _ended(last: Path, history: Path, stop_at: float | None) -> bool:
    """Whether the checkpoint is of the epoch at which training ends before its last one."""
    if stop_at is None or not history.is_file():
        return False
    row = read_history(history)[-1]
    epoch = torch.load(last, map_location="cpu", weights_only=True)["epoch"]
    return bool(row["epoch"] == epoch + 1 and row.get("tune_accuracy", 0.0) >= round(stop_at, DIGITS))


def _gradient(
    recipe: Recipe,
    seed: int,
    windows: TrainingWindows,
    tune: TrainingWindows | None,
    work: Path,
    progress: bool,
    logger: Any,
) -> DecoderNetwork:
    """Train one network, starting from its last checkpoint in ``work`` if there is one."""
    _, _, options = recipe.trainable()
    make_folder(work)
    module = DecoderTraining(recipe, seed, windows, tune)
    last = work / "last.ckpt"
    ended = False
    if last.is_file():
        _check_resumable(last, module)
        ended = _ended(last, work / HISTORY, options.stop_at)
    else:
        with torch.no_grad():
            module.network.prepare(windows, np.random.default_rng(seed))
        if options.start_from is not None:
            start_from(module.network, options.start_from)
    freeze(module.network, options.frozen)
    best = options.keep == "best"
    if tune is None and (best or options.stop_at is not None):
        raise NeuroMotionError("training.keep 'best' and training.stop_at need a data.tune part to go by.")
    module.history = History(work / HISTORY)
    callbacks: list[Callback] = []
    if options.stop_at is not None:
        # Lightning takes the value itself for not yet good enough
        good = float(np.nextafter(np.float32(options.stop_at), np.float32(0)))
        callbacks.append(EarlyStopping("tune_accuracy", mode="max", stopping_threshold=good, patience=options.epochs))
    keeper = ModelCheckpoint(
        dirpath=work,
        filename="best",
        monitor="tune_balanced_accuracy" if best else None,
        mode="max",
        save_last=True,
        save_top_k=1,
        save_on_train_epoch_end=True,  # otherwise only epochs with an evaluation leave a checkpoint
        enable_version_counter=False,
    )
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers, loggers and folders that are not empty
        trainer = lightning.Trainer(
            max_epochs=options.epochs,
            accelerator="auto",
            devices=1,
            logger=logger,
            callbacks=[*callbacks, keeper],
            enable_progress_bar=progress,
            enable_model_summary=False,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            check_val_every_n_epoch=1 if best else options.tune_every or max(1, options.epochs // 5),
            gradient_clip_val=options.clip,
        )
        try:
            if not ended:
                trainer.fit(module, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
        except SystemExit as stop:
            if stop.code != 1:  # a signal that ends the command
                raise
            # Lightning exits like this after Ctrl-C and ignores further ones
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
    chosen = work / "best.ckpt" if best else last
    state = torch.load(chosen, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise NeuroMotionError("Training ended in NaN; lower training.learning_rate.")
    return module.network.cpu().eval()


def _save(content: dict[str, Any], path: Path) -> None:
    """Write what PyTorch would write to ``path``; a full disk is an `OSError`, which `torch.save` does not raise."""
    buffer = BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getvalue())


def write_folder(
    network: DecoderNetwork,
    recipe: Recipe,
    folder: Path,
    record: FittedOn,
    source: Path | None = None,
    *,
    curves: Sequence[Any] = (),
) -> None:
    """Write the folder of a trained network.

    Parameters
    ----------
    network : DecoderNetwork
    recipe : Recipe
    folder : path
    record : FittedOn
        Record of what the network was fitted on.
    source : path, optional
        Where the recipe was read from; a recipe that already lies in ``folder`` keeps its text, but for the scale.
    curves : sequence
        Curves of each member of the network, see `neuromotion_gym.training.history`; written to ``history.json``.
    """
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    with filling(folder) as temporary:
        export_onnx(network, recipe.decoder, temporary / MODEL)
        _save(state, temporary / "model.pt")
        _save(
            {
                "state_dict": {f"network.{name}": value for name, value in state.items()},
                "pytorch-lightning_version": lightning.__version__,
                "epoch": recipe.trainable()[2].epochs,
                "global_step": 0,
                "hyper_parameters": {"recipe": recipe.model_dump(mode="json", exclude_defaults=True)},
            },
            temporary / "model.ckpt",
        )
        write_fitted_on(temporary, record)
        if recipe.decoder.adaptation.kind in FOLLOWS:
            network.population().write(temporary)
        if curves:
            (temporary / HISTORY).write_text(json.dumps(curves) + "\n", encoding="utf-8")
        written = source if source is None or source.is_file() else source / RECIPE
        own = written is not None and written.resolve() == (folder / RECIPE).resolve()
        text = written.read_text(encoding="utf-8") if own and written is not None else ""
        (temporary / RECIPE).write_text(recipe_text(recipe, text), encoding="utf-8")


def load_network(folder: str | Path) -> DecoderNetwork:
    """Torch network of a decoder's folder, from ``recipe.yaml`` and ``model.pt``.

    Raises
    ------
    NeuroMotionError
        If a file is missing or corrupt, or the weights belong to another network.
    """
    folder = Path(folder)
    network = _whole_network(load_recipe(folder))
    path = folder / "model.pt"
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # noqa: BLE001 -- torch raises many classes on broken files
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NeuroMotionError(f"{path} does not hold this recipe's weights: {text}") from None
    return network.eval()


def _whole_network(recipe: Recipe) -> DecoderNetwork:
    """Untrained network of a recipe, with a member for each seed."""
    members = [build_network(recipe) for _ in range(recipe.trainable()[2].seeds)]
    return members[0] if len(members) == 1 else Ensemble(members, recipe.decoder.output)
