package dev.sagitta.device;

/** What a piece of device memory is for. Claims about memory are read from {@link MemoryStats} by these names. */
public enum MemoryCategory {
    WEIGHTS,
    OPTIMIZER,
    GRADIENTS,
    SAVED_ACTIVATIONS,
    TANGENTS,
    WORKSPACE,
    DATA,
    OTHER
}
