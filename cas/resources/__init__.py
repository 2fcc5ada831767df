"""Resources: typed inputs and outputs of modules, with properties, versions and a life cycle."""
