package dev.sagitta.data;

import dev.sagitta.io.file.DataException;
import dev.sagitta.io.model.Normalisation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Mean and deviation of each channel over examples, in fp64. */
final class ChannelStatistics {
    private ChannelStatistics() {}

    /** @throws DataException if a channel is the same everywhere */
    static Normalisation of(DataSet examples) {
        int channels = examples.channels();
        int plane = Math.toIntExact(examples.inputShape().elements()) / channels;
        ByteBuffer row = ByteBuffer.allocate(examples.inputBytes(1)).order(ByteOrder.nativeOrder());
        double[] sum = new double[channels];
        double[] squares = new double[channels];
        double[] shift = new double[channels];
        for (int i = 0; i < examples.size(); i++) {
            examples.copyInput(i, row, 0);
            for (int channel = 0; channel < channels; channel++) {
                // differences to one of the numbers: squares of numbers far from 0 would lose the deviation
                shift[channel] = i == 0 ? row.getFloat(Float.BYTES * channel * plane) : shift[channel];
                for (int j = channel * plane; j < (channel + 1) * plane; j++) {
                    double x = row.getFloat(Float.BYTES * j) - shift[channel];
                    sum[channel] += x;
                    squares[channel] += x * x;
                }
            }
        }
        List<Double> mean = new ArrayList<>();
        List<Double> deviation = new ArrayList<>();
        double count = (double) plane * examples.size();
        for (int channel = 0; channel < channels; channel++) {
            double difference = sum[channel] / count;
            double variance = squares[channel] / count - difference * difference;
            if (!(variance > 0)) {
                throw new DataException(
                        examples.source() + ": channel " + channel
                                + " is the same everywhere in the training examples, its deviation is 0; give the numbers by --normalise MEAN/STD");
            }
            mean.add(shift[channel] + difference);
            deviation.add(Math.sqrt(variance));
        }
        return new Normalisation(mean, deviation);
    }
}
