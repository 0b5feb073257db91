"""The networks of the digits zoo as it trains them: with true labels, and with random ones, the longest."""

from harness.zoo.zoo import recipes
from harness.zoo.zoos import ZOOS

ON_DIGITS = [recipe for recipe in recipes(ZOOS["digits"], ["random_labels"]) if recipe.data_set == "digits"]
FIRST_SEED = {
    network: min(each.seed for each in ON_DIGITS if each.network == network) for network in ZOOS["digits"].networks
}
TWINS = [recipe for recipe in ON_DIGITS if recipe.seed == FIRST_SEED[recipe.network]]
ON_TRUE_LABELS, ON_RANDOM_LABELS = (
    {recipe.network: recipe for recipe in TWINS if recipe.condition == condition}
    for condition in ("true_labels", "random_labels")
)
