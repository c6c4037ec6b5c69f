"""Apache Beam jobs: photos and masks in, published data set versions out.

Imports `schemas` alone of the project's packages; a worker needs no TFX and no Keras.
"""
