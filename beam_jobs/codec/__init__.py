"""Photos and masks between bytes and pixels: strict decoders, stated repairs, sizes checked before decoding."""
