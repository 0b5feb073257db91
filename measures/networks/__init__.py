"""How a network that somebody gives is read, whatever it is built of.

network_check.py    what measures take for granted of a network, tried when a TrainedModel is made of it, by a
                    watched_call.py and a trial_call.py
plain_network.py    what is made of a network that does more than compute: it runs plainly, by plain_operations.py,
                    or says why it cannot
copying.py          a copy of any network, and a call of it with other parameters
effective_layers.py layers of any making as plain ones; attention.py: attention as linear layers; functional_layers.py:
                    functions of parameters as layers, by functional_uses.py; one_dimensional.py: Conv1d as Conv2d
factors.py          factors after a layer, as layer scale, folded into it, in a traced_graph.py
layer_hooks.py      what layers receive and return while the network runs
"""
