# Keras takes one backend when it is imported, here TensorFlow; pyright reads all at once, and mixes their types.
from typing import Any

import tensorflow as tf
from keras.src.backend.common.keras_tensor import KerasTensor as KerasTensor
from keras.src.backend.common.variables import Variable as _AnyVariable

class Variable(_AnyVariable):
    @property
    def value(self) -> tf.Variable: ...

def __getattr__(name: str) -> Any: ...
