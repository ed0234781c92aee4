"""Write the table of ``tests/README.md``: what is promised, and what a test run showed of it.

``pytest -o junit_family=xunit1 --junitxml=FILE ...`` notes what each test counted;
``python tests/promises.py FILE...`` reads these files and rewrites the table between its markers.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parent
README = TESTS / "README.md"
BEGIN, END = "<!-- promises: begin -->", "<!-- promises: end -->"

PROMISES: list[tuple[str, list[str]]] = [
    (
        "Two processes with other threads, hash seed and folder: the same weights, scores, files",
        ["test_same_bits.py::test_every_process_gives_the_same_weights_losses_and_files"],
    ),
    (
        "Compiled or layer by layer: the same bits",
        [
            "test_training.py::test_bit_for_bit",
            "test_compiler.py::test_every_optimizer_gives_the_bits_of_the_layers",
            "test_compiler.py::test_every_loss_gives_the_bits_of_the_layers",
        ],
    ),
    (
        "Any program after tn.compile: what it does without, errors included, to the byte",
        [
            "test_twin_fuzz.py::test_programs_do_the_same_after_compile",
            "test_twin_fuzz.py::test_many_more_programs",
        ],
    ),
    (
        "Every public layer and loss in every tool",
        ["test_citizens.py::test_a_layer", "test_citizens.py::test_a_loss"],
    ),
    (
        "Over three seeds, the course's networks end at PyTorch's test loss and accuracy",
        [
            "test_learns_like_pytorch.py::test_the_autoencoder",
            "test_learns_like_pytorch.py::test_the_lesson_s_network_with_dropout",
            "test_learns_like_pytorch.py::test_the_lesson_s_network_with_batch_norm",
            "test_learns_like_pytorch.py::test_the_course_s_cnn",
        ],
    ),
    (
        "Convolutions and pools: PyTorch's numbers; fast loops have the bits of plain ones",
        [
            "test_convolution.py::test_forward_and_backward_are_pytorchs_for_all_options_and_shapes",
            "test_convolution.py::test_forward_and_backward_are_pytorchs_in_many_cases",
            "test_pooling.py::test_forward_and_backward",
            "test_plain_loops.py::test_convolutions_have_the_bits_of_their_plain_loops_in_random_cases",
            "test_pooling.py::test_the_fast_loop_has_the_bits_of_the_plain_one",
        ],
    ),
    (
        "Stopped at any checkpoint and resumed, with schedule and early stopping: the same bits",
        ["test_fit_checkpoints.py::test_stopped_after_every_checkpoint"],
    ),
    (
        "Frozen parameters and tied weights: the same bits in every way of training",
        [
            "test_freezing.py::test_every_way_of_training_leaves_it_alone",
            "test_ties.py::test_every_way_of_training_has_the_same_bits",
        ],
    ),
    (
        "Transformed batches: the same bits in every way, and after a stop at any batch",
        [
            "test_transforms.py::test_every_way_has_the_same_bits",
            "test_transforms.py::test_a_run_stopped_at_any_batch_goes_on_to_the_same_bits",
        ],
    ),
    (
        "The training doctor finds each illness, and none in healthy runs",
        [
            "test_doctor.py::test_the_illness_is_found",
            "test_doctor.py::test_ten_healthy_runs_have_no_findings_in_any_epoch",
        ],
    ),
    (
        "To PyTorch and back: equal outputs, and the same bits",
        ["test_exchange.py::test_there_and_back_gives_the_same_outputs_and_bits"],
    ),
    (
        "A row alone gives the bits it has in a batch, in every layer below the border",
        [
            "test_same_bits.py::test_a_row_of_linear_alone",
            "test_same_bits.py::test_a_row_of_a_transposed_linear_alone",
            "test_same_bits.py::test_a_row_of_every_other_layer_alone",
            "test_same_bits.py::test_a_row_of_a_network_alone_by_layers_and_compiled",
        ],
    ),
    (
        "Eight threads on one model, and forks in the middle: equal bytes, no crash",
        ["test_same_bits.py::test_eight_threads_on_one_model_and_after_fork"],
    ),
    (
        "A lesson run twice ends with the same weights",
        ["test_examples.py::test_a_second_run_ends_with_the_same_weights"],
    ),
    (
        "A damaged model file is refused, or gives the identical network",
        ["test_serialization.py::test_every_bit_flip_and_every_cut_is_refused_or_harmless"],
    ),
    (
        "The same, for 43 other values of every byte",
        ["test_serialization.py::test_many_other_bytes_in_every_place_are_refused_or_harmless"],
    ),
    (
        "A damaged checkpoint is refused, or gives the identical run",
        ["test_checkpoints.py::test_every_flipped_byte_and_every_cut_is_refused_or_harmless"],
    ),
    (
        "The same, for every bit",
        ["test_checkpoints.py::test_every_flipped_bit_and_every_cut_is_refused_or_harmless"],
    ),
    (
        "Damaged data files are refused, or give the same data",
        [
            "test_datasets.py::test_damaged_bundled_files_give_an_error_or_the_same_digits",
            "test_datasets.py::test_every_byte_of_a_gzipped_idx_changed_in_every_way",
            "test_datasets.py::test_every_truncation_of_an_idx",
            "test_datasets.py::test_every_byte_of_the_bundled_labels_flipped",
            "test_download.py::test_flipped_and_truncated_files_give_an_error_or_the_same_data",
        ],
    ),
    (
        "A plain IDX file is refused, or read as an independent reader reads it",
        ["test_datasets.py::test_every_byte_of_a_plain_idx_changed_in_every_way"],
    ),
    (
        "A CSV file is refused, or read as the standard library reads it",
        ["test_datasets.py::test_damaged_csv_is_refused_or_read_as_the_csv_module_reads_it"],
    ),
    (
        "Killed at any line of tn.save: the old file or the new one, whole",
        ["test_serialization.py::test_killed_at_every_line_of_save"],
    ),
    (
        "The same, of tn.save_checkpoint",
        ["test_checkpoints.py::test_killed_at_every_line_of_save_checkpoint"],
    ),
    (
        "Killed at every batch and resumed: the bits of a run that was left alone",
        [
            "test_checkpoints.py::test_killed_at_every_batch",
            "test_fit_checkpoints.py::test_killed_before_and_after_every_checkpoint",
        ],
    ),
    (
        "Killed while mnist() stores a file: never half a file",
        ["test_download_survival.py::test_killed_at_every_line_of_storing"],
    ),
    (
        "The same, at any line of four downloads",
        ["test_download_survival.py::test_killed_at_every_line_of_four_downloads"],
    ),
    (
        "No file runs code: nothing is unpickled, executed or started while loading",
        ["test_serialization.py::test_loading_runs_nothing"],
    ),
    (
        "Any arguments: a documented exception and nothing changed, or the right result",
        ["test_fuzz_api.py::test_arguments_of_all_kinds_are_refused_or_give_right_results"],
    ),
    (
        "The same, longer, and with the bounds of every array access checked",
        [
            "test_fuzz_api.py::test_many_more_arguments",
            "test_fuzz_api.py::test_no_loop_reaches_beyond_an_array",
            "test_kernels.py::test_no_lane_reaches_beyond_an_array",
        ],
    ),
    (
        "Training that diverges stops with the last good weights",
        [
            "test_training_faults.py::test_a_learning_rate_far_too_large",
            "test_training_faults.py::test_all_ways_stop_in_front_of_the_same_step_and_say_what_helps",
        ],
    ),
    (
        "Every wrong layer is refused with the mistake that it has, from 20 seeds",
        [
            "test_gradcheck.py::test_planted_mistakes_are_caught_and_named",
            "test_gradcheck.py::test_planted_mistakes_are_named_from_every_seed",
        ],
    ),
    (
        "Every right layer passes, from 20 seeds",
        [
            "test_gradcheck.py::test_right_layers_pass",
            "test_gradcheck.py::test_right_layers_pass_from_every_seed",
        ],
    ),
    (
        "What earlier versions wrote keeps loading",
        [
            "test_stored.py::test_a_model_has_its_weights",
            "test_stored.py::test_a_run_of_fit_goes_on",
            "test_stored.py::test_a_loop_goes_on_within_its_epoch",
            "test_stored.py::test_a_pickled_classifier_predicts_and_learns",
        ],
    ),
    (
        "The blocks of README and docs run as pasted, and print what stands below them",
        [
            "test_readme.py::test_python_blocks_run_in_one_process_and_print_what_they_say",
            "test_readme.py::test_commands_print_what_the_pages_show",
        ],
    ),
    (
        "Lessons run for the site: their claims hold, and they print and draw what is shown",
        [
            "test_gallery.py::test_its_claims_hold_and_it_prints_what_is_stored",
            "test_gallery.py::test_it_draws_its_figures_and_the_one_that_is_stored",
        ],
    ),
    (
        "The workbook's solutions are right, and each wrong one is refused and named",
        [
            "test_workbook.py::test_its_solution_is_right",
            "test_workbook.py::test_a_wrong_solution_is_refused_and_named",
            "test_workbook.py::test_every_known_mistake_is_refused_and_gets_its_own_name",
        ],
    ),
    (
        "The lab's page learns what fit learns, and walks back to the bit; its code goes on",
        [
            "test_lab_engine.py::test_of_every_activation_by_every_optimizer",
            "test_lab_engine.py::test_of_every_loss_by_every_optimizer",
            "test_lab_engine.py::test_are_tinynets",
            "test_lab_back.py::test_is_exact_to_the_bit",
            "test_lab_leaves.py::test_the_code_goes_on_with_the_same_losses",
        ],
    ),
    (
        "While one steps through the X-ray nothing moves, and its numbers are the trace's",
        [
            "test_pages_steps.py::test_moves_no_element_by_more_than_2_pixels",
            "test_pages_steps.py::test_shows_no_number_before_it_is_computed",
            "test_pages_steps.py::test_wires_are_these_numbers",
        ],
    ),
    (
        "On screens and phones, light and dark: nothing is too wide, and the contrast at least 4.5",
        [
            "test_pages_steps.py::test_of_every_step",
            "test_pages_steps.py::test_of_the_playground_with_sliders",
        ],
    ),
    (
        "Text in figures is 14 pixels high or more as shown, and none of it beyond the figure",
        [
            "test_plots.py::test_text_is_at_least_14_pixels_high_as_shown",
            "test_plots.py::test_no_text_reaches_beyond_the_figure",
        ],
    ),
    (
        "Pictures of one's own, drawn in six ways, are read right",
        ["test_pictures.py::test_public_style_pictures_are_read_right"],
    ),
]


class Outcome:
    """How the cases of one test function ended, and what they counted."""

    def __init__(self) -> None:
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.figures: dict[str, int] = defaultdict(int)


def read(paths: list[Path]) -> dict[str, Outcome]:
    """Outcomes by ``file::function``; the same case in two files counts once, as in the later."""
    latest = {
        (case.get("classname"), case.get("name")): case
        for path in paths
        for case in ElementTree.parse(path).iter("testcase")
    }
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    for (place, name), case in latest.items():
        (module,) = [part for part in str(place).split(".") if part.startswith("test_")][:1]
        outcome = outcomes[f"{module}.py::{str(name).partition('[')[0]}"]
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
        for figure in case.iter("property"):
            if figure.attrib["name"] == "cell":  # a word, for tests/citizens.py
                continue
            outcome.figures[figure.attrib["name"]] += int(figure.attrib["value"])
    return outcomes


def rows(outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield "| promised | shown by | in the run |"
    yield "| --- | --- | --- |"
    for promise, names in PROMISES:
        shown = []
        for name in names:
            outcome = outcomes.get(name, Outcome())
            counts = {
                "passed": outcome.passed,
                "FAILED": outcome.failed,
                "skipped": outcome.skipped,
            }
            shown += [f"{count} {word}" for word, count in counts.items() if count] or ["not run"]
            shown += [f"{figure}: {count:,}" for figure, count in outcome.figures.items()]
        yield f"| {promise} | {'<br>'.join(f'`{name}`' for name in names)} | {'<br>'.join(shown)} |"


def strays() -> list[str]:
    """Names in the table that no test file has."""
    return [
        name
        for _, names in PROMISES
        for name in names
        if not re.search(
            rf"^ *def {name.partition('::')[2]}\(",
            next(TESTS.rglob(name.partition("::")[0])).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]


def main() -> int:
    if not sys.argv[1:]:
        print("usage: python tests/promises.py FILE...  (of pytest --junitxml=FILE)")
        return 2
    if missing := strays():
        print(f"no such test: {', '.join(missing)}")
        return 1
    outcomes = read([Path(name) for name in sys.argv[1:]])
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join(rows(outcomes))
    README.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
    failed = sum(outcome.failed for outcome in outcomes.values())
    print(f"{README}: {len(PROMISES)} promises, {failed} failed tests in these runs")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
