package dev.sagitta.device;

/**
 * Launch geometry: {@code grid} work-groups of {@code block} work-items each, in CUDA's sense on every device.
 *
 * @param sharedBytes dynamic shared memory (CUDA only; OpenCL kernels declare theirs)
 */
public record Geometry(int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes) {

    public Geometry {
        if (gridX < 1 || gridY < 1 || gridZ < 1 || blockX < 1 || blockY < 1 || blockZ < 1 || sharedBytes < 0) {
            throw new IllegalArgumentException(
                    "geometry: grid " + gridX + " x " + gridY + " x " + gridZ + ", block " + blockX + " x " + blockY
                            + " x " + blockZ + ", shared " + sharedBytes + " bytes; expected extents of at least 1");
        }
        if (gridY > 65535 || gridZ > 65535) {
            throw new IllegalArgumentException("geometry: grid y " + gridY + " and z " + gridZ
                    + " must be at most 65535; put the long extent into x");
        }
    }

    /** One dimension. */
    public static Geometry linear(long groups, int block) {
        return new Geometry(Math.toIntExact(groups), 1, 1, block, 1, 1, 0);
    }

    public static Geometry of(long gridX, long gridY, long gridZ, int blockX, int blockY) {
        return new Geometry(
                Math.toIntExact(gridX), Math.toIntExact(gridY), Math.toIntExact(gridZ), blockX, blockY, 1, 0);
    }

    public Geometry withShared(int bytes) {
        return new Geometry(gridX, gridY, gridZ, blockX, blockY, blockZ, bytes);
    }

    public int dimensions() {
        return gridZ * blockZ > 1 ? 3 : gridY * blockY > 1 ? 2 : 1;
    }

    @Override
    public String toString() {
        return "grid " + gridX + "x" + gridY + "x" + gridZ + " block " + blockX + "x" + blockY + "x" + blockZ
                + (sharedBytes > 0 ? " shared " + sharedBytes : "");
    }
}
