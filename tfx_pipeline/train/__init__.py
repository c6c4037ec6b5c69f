"""From photos and masks to an evaluated model, with settings that fit the data: prepare, configure, train."""
