"""What folding asks of a network traced by torch.fx: which module a node calls, and the graph without its cuts."""

from torch import fx, nn

from measures.networks.plain_operations import CUTS

RELATIVE_TOLERANCE = 1e-4
Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def leave_out_cuts(graph: fx.GraphModule) -> None:
    """What the network detaches has its gradient all the same, as in the network that was traced."""
    for node in [*graph.graph.nodes]:
        data = node.target is getattr and node.args[1:] == ("data",)
        if node.target in ("detach", "detach_") or node.target in CUTS or data:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)


def called(node: fx.Node, modules: dict[str, nn.Module]) -> nn.Module | None:
    return modules.get(str(node.target)) if node.op == "call_module" else None
