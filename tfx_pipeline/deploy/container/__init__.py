"""The one container image of Vertex steps, Vertex training, Dataflow workers, the Flex Template and the trigger."""
