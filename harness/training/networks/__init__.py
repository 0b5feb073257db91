"""The architectures, for any size of inputs, each a declared function (declaring.py) of (input_shape, num_classes).

mlp.py                on inputs of any shape             convnet.py        two convolutions, for the digits
residual_mlp.py       with skip connections               resnet.py         the same of convolutions: small, ResNet-18
vit.py                vision transformers: small, tiny
alexnet_small.py      those of Zhang et al. 2017 (arXiv:1611.03530, appendix A and figure 3), which at 28x28x3 have
inception_small.py    exactly the paper's numbers of parameters            inception_v3.py   for ImageNet
building.py           a network by its name, this project's or that of the zoo that was opened

Initialisation is torch's default, but for `inception_small*`, whose convolutions start from He's normal distribution:
with torch's default a signal would not come through eighteen layers without batch normalization; and for the class
token and the positions of vision transformers, which do not belong to a layer.
"""
