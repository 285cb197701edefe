package dev.sagitta.io.safetensors;

import dev.sagitta.io.file.HostTensor;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** Tensors by name with strings beside them: a safetensors file, or what is read as if it were one. */
public interface TensorSource extends AutoCloseable {
    /** Of the file or folder, for errors. */
    Path path();

    /** Strings by key. */
    Map<String, String> metadata();

    Set<String> names();

    boolean has(String name);

    /** @throws dev.sagitta.io.file.DataException if there is no such tensor */
    DType dtype(String name);

    /** @throws dev.sagitta.io.file.DataException if there is no such tensor */
    Shape shape(String name);

    /** The values, which stay valid after {@link #close}. */
    HostTensor tensor(String name);

    @Override
    void close();
}
