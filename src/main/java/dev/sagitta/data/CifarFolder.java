package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.file.HostTensor;
import dev.sagitta.io.image.CifarFile;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The files of CIFAR-10 or CIFAR-100: a folder with data_batch_1.bin and so on and test_batch.bin, or with train.bin and test.bin, or one file, be it of either.
 *
 * @param test null where there is none
 */
record CifarFolder(DataSet train, DataSet test) {
    private static final int BATCHES = 5;

    /** @throws DataException naming the file and what is wrong with it */
    static CifarFolder of(Path path) {
        if (!Files.isDirectory(path)) {
            return new CifarFolder(rows(path, List.of(CifarFile.read(path))), null);
        }
        boolean ten = isTen(path);
        CifarFile.Kind kind = ten ? CifarFile.Kind.CIFAR_10 : CifarFile.Kind.CIFAR_100;
        List<Path> train = existing(path, ten ? batchNames() : List.of("train.bin"));
        List<Path> test = existing(path, List.of(testName(ten)));
        if (train.isEmpty()) {
            throw new DataException(path
                    + ": neither data_batch_1.bin, ... (CIFAR-10) nor train.bin (CIFAR-100); expected the folder of the"
                    + " binary version, or one file of it");
        }
        return new CifarFolder(rows(path, read(train, kind)), test.isEmpty() ? null : rows(path, read(test, kind)));
    }

    private static boolean isTen(Path folder) {
        return !existing(folder, batchNames()).isEmpty();
    }

    private static String testName(boolean ten) {
        return ten ? "test_batch.bin" : "test.bin";
    }

    static boolean bringsTest(Path path) {
        return Files.exists(path.resolve(testName(isTen(path))));
    }

    private static List<String> batchNames() {
        return IntStream.rangeClosed(1, BATCHES)
                .mapToObj(i -> "data_batch_" + i + ".bin")
                .toList();
    }

    /** Of CIFAR's files those that are there, or the one that a path names. */
    static List<Path> files(Path path) {
        List<String> names = new ArrayList<>(batchNames());
        names.addAll(List.of("test_batch.bin", "train.bin", "test.bin"));
        return Files.isDirectory(path) ? existing(path, names) : List.of(path);
    }

    private static List<Path> existing(Path folder, List<String> names) {
        return names.stream().map(folder::resolve).filter(Files::exists).toList();
    }

    private static List<CifarFile> read(List<Path> paths, CifarFile.Kind kind) {
        return paths.stream().map(path -> CifarFile.read(path, kind)).toList();
    }

    private static DataSet rows(Path source, List<CifarFile> files) {
        long count = files.stream().mapToLong(CifarFile::count).sum();
        HostTensor pixels = HostTensor.allocate(source.toString(), DType.U8, CifarFile.IMAGE.prepend(count));
        HostTensor labels = HostTensor.allocate(source.toString(), DType.I32, Shape.of(count));
        ByteBuffer pixelBytes = pixels.bytes();
        ByteBuffer labelBytes = labels.bytes();
        int at = 0;
        for (CifarFile file : files) {
            for (int i = 0; i < file.count(); i++) {
                file.copyPixels(i, pixelBytes, at * (int) CifarFile.IMAGE.elements());
                labelBytes.putInt(Integer.BYTES * at++, file.label(i));
            }
        }
        String name = source.toString();
        return new LabelledRows(name, pixels, name, labels, files.get(0).kind().classes(), null);
    }
}
