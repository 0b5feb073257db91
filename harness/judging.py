"""One run of the suites: which measures, on which zoo, and what is known so far.

The front door (pytest_plugin.py) makes one Judging; the suites ask it for verdicts.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from harness import zoo
from harness.baseline import Baseline
from harness.build import build
from harness.checklist import Checklist, Finding, check
from harness.errors import HarnessError, NoVerdict
from harness.evaluate import evaluate
from harness.progress import Say
from harness.questions.question import Answer, Question, unfitted
from harness.recipe import Condition, Recipe
from harness.rows import Row, RowCache
from harness.settings import Settings
from harness.source_digest import source_digest
from harness.store import Damaged, Entry, store_of
from harness.train import Outcome
from harness.verdict import Verdict, check_power, judge
from harness.zoo import Zoo
from measures._registry import Measure


@dataclasses.dataclass
class Judging:
    """`prepare` does the long work, with its progress on the screen; the suites' questions are then look-ups.

    With `ahead` False (several processes share the work) `prepare` only trains, and each question is answered when it
    is asked.
    """

    zoo: Zoo
    measures: Sequence[Measure]
    settings: Settings
    say: Say
    progress: bool = True
    ahead: bool = True
    entries: dict[Recipe, Entry] = dataclasses.field(default_factory=dict)
    rows: dict[tuple[str, Recipe], Row] = dataclasses.field(default_factory=dict)
    findings: dict[tuple[str, str, str], Finding] = dataclasses.field(default_factory=dict)
    baseline: Baseline | None = None  # recorded outcomes, which are then expected
    asked: dict[Recipe, None] = dataclasses.field(default_factory=dict)  # models that conditions and questions need
    premises: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    problem: str = ""  # why there are no models
    unanswered: str = ""  # why there are no rows or findings

    def prepare(
        self,
        conditions: Sequence[Condition],
        judged: Sequence[Measure] = (),
        checked: Sequence[tuple[Checklist, Sequence[Measure]]] = (),
        questions: Sequence[tuple[Question, Sequence[Measure]]] = (),
    ) -> None:
        """Have every model in the store that these conditions, checklists and questions need.

        Then, ahead of what will be asked, check the `checked` measures, and evaluate the `judged` ones and those of the
        `questions` on the models whose premise holds: all at once, so that measures share what is computed from
        a model. What prevents the training is every suite's problem.

        Raises HarnessError at once if no measure could pass with as few twins as the zoo has.
        """
        if conditions or questions:
            check_power(self.zoo.twins_per_condition)
        wanted = zoo.recipes(self.zoo, conditions) if conditions else []
        for question, _ in questions:
            wanted += question.recipes(self.zoo)
        self.asked |= dict.fromkeys(wanted)
        for checklist, _ in checked:
            wanted += checklist.recipes(self.zoo)
        try:
            found = build([*dict.fromkeys(wanted)], self.settings, self.say, self.progress)
        except HarnessError as problem:
            self.problem = str(problem)
            return
        self.entries |= found
        if not self.ahead:
            return
        try:
            for checklist, some in checked:
                if checklist.clauses:
                    self._check(checklist, some)
            recipes = [
                each for name in conditions if judged and not self.unfitted(name) for each in self._recipes(name)
            ]
            measures = {each.name: each for each in judged} if recipes else {}
            for question, some in questions:
                if some and not self.premise(question):
                    recipes += question.recipes(self.zoo)
                    measures |= {each.name: each for each in some}
            if recipes and measures:
                self._evaluate([*measures.values()], recipes)
        except HarnessError as problem:
            self.unanswered = str(problem)

    def unfitted(self, condition: Condition) -> list[str]:
        """For each model of the condition's twins that did not reach its stopping loss, a sentence that names it."""
        self._check_problem()
        return unfitted(self._recipes(condition), self._outcome)

    def premise(self, question: Question) -> list[str]:
        """What is not as the question supposes, a sentence each."""
        self._check_problem()
        if question.name not in self.premises:
            self._have_models(question.recipes(self.zoo))
            self.premises[question.name] = question.premise(self.zoo, self._outcome)
        return self.premises[question.name]

    def verdict(self, measure: Measure, condition: Condition) -> Verdict:
        """The gate's verdict. Raises NoVerdict if a model did not fit, or could not be trained."""
        if problems := self.unfitted(condition):
            raise NoVerdict(f"no verdict on {measure.name}: {problems[0]}")
        self._have_rows(measure, self._recipes(condition))
        return judge(
            measure.name,
            condition,
            zoo.twins(self.zoo, condition),
            lambda recipe: self.rows[measure.name, recipe],
            lambda recipe: self.entries[recipe].outcome.gap,
        )

    def answer(self, measure: Measure, question: Question, answer: Answer) -> Finding:
        """What the question's answer says of the measure. Raises NoVerdict if its premise does not hold."""
        if problems := self.premise(question):
            raise NoVerdict(f"{measure.name} is not judged, the premise does not hold: {problems[0]}")
        self._have_rows(measure, question.recipes(self.zoo))
        return answer(self.zoo, lambda recipe: self.rows[measure.name, recipe], self._outcome)

    def repeated(self) -> list[Recipe]:
        """One natural model of every network: there each measure must give the same value twice."""
        first = {twin.natural.network: twin.natural for twin in zoo.twins(self.zoo, "random_labels")[::-1]}
        return list(first.values())

    def model(self, recipe: Recipe) -> Recipe:
        """The recipe, whose model is now in the store. Raises NoVerdict if it could not be trained."""
        self._check_problem()
        self._have_models([recipe])
        return recipe

    def values(self, measure: Measure, condition: Condition) -> dict[Recipe, float | None]:
        """The measure's value on each model of the condition's twins; None where it has none."""
        self._check_problem()
        self._have_rows(measure, self._recipes(condition))
        return {recipe: self.rows[measure.name, recipe].value for recipe in self._recipes(condition)}

    def finding(self, measure: Measure, checklist: Checklist, clause: str) -> Finding:
        """What a checklist's clause found of the measure."""
        self._check_problem()
        if (checklist.name, measure.name, clause) not in self.findings:
            self._answer(lambda: self._check(checklist, [measure]))
        return self.findings[checklist.name, measure.name, clause]

    def recall(self, recipes: Iterable[Recipe]) -> None:
        """Take up from the disk what other processes have trained and evaluated in this run."""
        store = store_of(self.settings)
        sources = {measure.name: source_digest(measure.file) for measure in self.measures}
        known, _ = RowCache(self.settings.cache_dir).read(sources, usable=False)
        for recipe in dict.fromkeys(recipes):
            try:
                entry = store.find(recipe)
            except Damaged:
                entry = None  # its rows are then missing, which the record says
            if entry is None:
                continue
            self.entries[recipe] = entry
            for measure in self.measures:
                about = (measure.name, measure.version, sources[measure.name], recipe.key, entry.weights_sha256)
                if about in known:
                    self.rows[measure.name, recipe] = known[about]

    def _have_models(self, recipes: Iterable[Recipe]) -> None:
        if missing := [recipe for recipe in recipes if recipe not in self.entries]:
            self._answer(lambda: self.entries.update(build(missing, self.settings, self.say, self.progress)))

    def _have_rows(self, measure: Measure, recipes: Sequence[Recipe]) -> None:
        if not all((measure.name, recipe) in self.rows for recipe in recipes):
            self._have_models(recipes)
            self._answer(lambda: self._evaluate([measure], recipes))

    def _answer(self, question: Callable[[], None]) -> None:
        if self.unanswered:
            raise NoVerdict(self.unanswered)
        try:
            question()
        except HarnessError as problem:
            raise NoVerdict(str(problem)) from problem

    def _evaluate(self, measures: Sequence[Measure], recipes: Iterable[Recipe]) -> None:
        entries = {recipe: self.entries[recipe] for recipe in recipes}
        self.rows |= evaluate(measures, entries, self.repeated(), self.settings, self.say, self.progress)
        self.entries |= entries

    def _check(self, checklist: Checklist, measures: Sequence[Measure]) -> None:
        recipes = checklist.recipes(self.zoo)
        found = check(checklist.name, checklist.clauses, measures, recipes, self.settings, self.progress)
        self.findings |= {(checklist.name, measure, clause): each for (measure, clause), each in found.items()}

    def _recipes(self, condition: Condition) -> list[Recipe]:
        return zoo.recipes(self.zoo, [condition])

    def _outcome(self, recipe: Recipe) -> Outcome:
        return self.entries[recipe].outcome

    def _check_problem(self) -> None:
        if self.problem:
            raise NoVerdict(self.problem)
