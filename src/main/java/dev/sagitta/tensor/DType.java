package dev.sagitta.tensor;

/** Element types of tensors. Sub-byte codes are stored in {@link #U8} or {@link #U32} words by the codec and the weight packer. */
public enum DType {
    F32(4, "f32"),
    BF16(2, "bf16"),
    F16(2, "f16"),
    I64(8, "i64"),
    I32(4, "i32"),
    U32(4, "u32"),
    U8(1, "u8");

    private final int bytes;
    private final String suffix;

    DType(int bytes, String suffix) {
        this.bytes = bytes;
        this.suffix = suffix;
    }

    public int bytes() {
        return bytes;
    }

    /** The suffix of kernel entries for this type: {@code gemm_f32_nn}. */
    public String suffix() {
        return suffix;
    }

    public boolean isFloat() {
        return this == F32 || this == BF16 || this == F16;
    }
}
