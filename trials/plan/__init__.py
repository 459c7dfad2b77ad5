"""The parts of a plan beside its statistics, a file each; `trials.protocol` puts them together."""
