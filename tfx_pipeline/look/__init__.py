"""One page that links every published version and every trained model below a folder."""
