"""The kernel alone: arrays in, arrays out; worked examples, independent oracles and laws."""
