"""Grade a class: collect what students hand in, run it in a sandbox, mark, give it back."""
