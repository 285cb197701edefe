package dev.sagitta.io.safetensors;

import dev.sagitta.io.file.AtomicFile;
import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.file.JsonInput;
import dev.sagitta.io.file.SourceFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file: 8 bytes little-endian header length, a JSON header, then the tensors end to end. Opening checks the whole header
 * against the size of the file; tensors are mapped when asked for and stay valid after {@link #close}.
 *
 * <p>Format: github.com/huggingface/safetensors. Of its types F32, BF16, F16, I64, I32, U32 and U8 are read and written.
 */
public final class SafetensorsFile implements TensorSource {
    /** About a hundred thousand tensors. */
    static final long LONGEST_HEADER = 16 << 20;

    private static final int ALIGNMENT = 8;

    /** PK 3 4: torch.save writes a zip. */
    private static final long ZIP = 0x04034b50L;

    private static final long ZIP_MASK = 0xffffffffL;
    /** The magic number of what torch.save wrote before, a pickle of protocol 2. */
    private static final long PICKLE = 0x469cfc6c0a8a0280L;

    private final SourceFile file;
    private final SafetensorsHeader header;
    private final long dataStart;

    private SafetensorsFile(SourceFile file, SafetensorsHeader header, long dataStart) {
        this.file = file;
        this.header = header;
        this.dataStart = dataStart;
    }

    /** @throws DataException naming the file and what is wrong with it */
    public static SafetensorsFile open(Path path) {
        SourceFile file = SourceFile.open(path);
        try {
            return open(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static SafetensorsFile open(SourceFile file) {
        Path path = file.path();
        if (file.size() < Long.BYTES + 2) {
            throw new DataException(path + ": " + file.size() + " bytes, too short for a safetensors file");
        }
        long length = file.bytes(0, Long.BYTES).getLong();
        if ((length & ZIP_MASK) == ZIP || length == PICKLE) {
            throw new DataException(path
                    + ": it begins as a pickle of PyTorch (.pth, .pt) does, which is not read: to read one is to run it."
                    + " Save its tensors: python3 -c \"import torch; from safetensors.torch import save_file;"
                    + " save_file(torch.load('X.pth', map_location='cpu', weights_only=True), 'X.safetensors')\"");
        }
        if (length < 2 || length > file.size() - Long.BYTES) {
            throw new DataException(path + ": header length is " + Long.toUnsignedString(length) + ", the file holds "
                    + (file.size() - Long.BYTES) + " bytes after it; truncated or not a safetensors file");
        }
        if (length > LONGEST_HEADER) {
            throw new DataException(path + ": header length is " + length + ", at most " + LONGEST_HEADER + " is read");
        }
        ByteBuffer bytes = file.bytes(Long.BYTES, length);
        if (bytes.get(0) != '{') {
            throw new DataException(path + ": the header does not begin with '{': not a safetensors file");
        }
        long dataStart = Long.BYTES + length;
        String text = JsonInput.utf8(bytes, path + ": header");
        return new SafetensorsFile(
                file, SafetensorsHeader.parse(text, file.size() - dataStart, path.toString()), dataStart);
    }

    @Override
    public Path path() {
        return file.path();
    }

    /** Strings by key, in the order of the file. */
    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** Names in the order of the data. */
    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(header.tensors().keySet());
    }

    @Override
    public boolean has(String name) {
        return header.tensors().containsKey(name);
    }

    @Override
    public DType dtype(String name) {
        return entry(name).dtype();
    }

    @Override
    public Shape shape(String name) {
        return entry(name).shape();
    }

    /** Bytes of all tensors. */
    public long dataBytes() {
        return file.size() - dataStart;
    }

    /** A view of the file's bytes, not a copy. */
    @Override
    public HostTensor tensor(String name) {
        SafetensorsHeader.Entry entry = entry(name);
        ByteBuffer bytes = file.bytes(dataStart + entry.begin(), entry.end() - entry.begin());
        return new HostTensor(name, entry.dtype(), entry.shape(), bytes);
    }

    private SafetensorsHeader.Entry entry(String name) {
        SafetensorsHeader.Entry entry = header.tensors().get(name);
        if (entry == null) {
            throw new DataException(path() + ": there is no tensor '" + name + "'; the file has "
                    + header.tensors().keySet());
        }
        return entry;
    }

    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes a file whole or not at all. Tensors of wide types come first, so that each is aligned to its type.
     *
     * @throws DataException if the path cannot be written
     */
    public static void write(Path path, Map<String, String> metadata, Collection<HostTensor> tensors) {
        Set<String> names = new HashSet<>();
        for (HostTensor tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException(path + ": two tensors are named '" + tensor.name() + "'");
            }
        }
        List<HostTensor> order = new ArrayList<>(tensors);
        order.sort(
                Comparator.comparingInt((HostTensor tensor) -> -tensor.dtype().bytes()));
        byte[] json = SafetensorsHeader.format(metadata, order).getBytes(StandardCharsets.UTF_8);
        int length = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (length > LONGEST_HEADER) {
            throw new DataException(
                    path + ": the header would take " + length + " bytes, at most " + LONGEST_HEADER + " is written");
        }
        ByteBuffer head = ByteBuffer.allocate(Long.BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
        head.putLong(length).put(json);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        try (AtomicFile out = AtomicFile.create(path)) {
            out.write(head.flip());
            for (HostTensor tensor : order) {
                out.write(tensor.bytes());
            }
            out.commit();
        }
    }
}
