"""How fast Tocsin is: stage by stage, as whole commands, and beside what people use today."""
