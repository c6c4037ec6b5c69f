"""From a folder of photos and masks to a judged model, with settings that fit the data: prepare, configure, train."""
