"""TensorFlow's two thread pools, set before its first operation; afterwards they cannot be changed."""

import tensorflow as tf


def limit(threads: int) -> None:
    """As many threads in an operation, and as many operations at once. Denormals it flushes by itself."""
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
