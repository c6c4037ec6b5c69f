"""Python functions as TensorFlow graphs, as they stand.

TensorFlow would first convert them, so that `if` and `for` may depend on tensors. No function here needs it (they call
`tf.cond`, `tf.map_fn` and `tf.while_loop`), and it took seconds of each training and half of the time of an export.
"""

from __future__ import annotations

from functools import partial

import tensorflow as tf

graph = partial(tf.function, autograph=False)
unconverted = tf.autograph.experimental.do_not_convert  # for what `tf.data` calls
