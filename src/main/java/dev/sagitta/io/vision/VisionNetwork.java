package dev.sagitta.io.vision;

import dev.sagitta.tensor.Shape;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * A network over images: its layers as JSON of our format, for any size of the images and any number of classes. Layers are called as torchvision calls them, so that
 * a parameter here has the name that it has there; its convolutions begin as there, too.
 *
 * @param name of the preset
 * @param input of one image where nothing else is asked for, [channels, height, width]
 * @param classes where nothing else is asked for
 * @param layers adds its layers to the input; the first has the channels, the last the classes
 */
public record VisionNetwork(String name, Shape input, int classes, Layers layers) {
    /** What makes a network from its input. */
    interface Layers {
        void add(NetworkText text, int classes);
    }

    private static final int IMAGE_NET = 1000;
    private static final int CIFAR = 10;
    private static final int FOREGROUND = 2;

    private static final List<VisionNetwork> ALL = List.of(
            new VisionNetwork("convnet", Shape.of(3, 32, 32), CIFAR, SmallNetworks::convnet),
            new VisionNetwork("resnet20", Shape.of(3, 32, 32), CIFAR, ResNet.small(16, 3, 3, 3)),
            new VisionNetwork("resnet18", Shape.of(3, 224, 224), IMAGE_NET, ResNet.basic(2, 2, 2, 2)),
            new VisionNetwork("resnet34", Shape.of(3, 224, 224), IMAGE_NET, ResNet.basic(3, 4, 6, 3)),
            new VisionNetwork("resnet50", Shape.of(3, 224, 224), IMAGE_NET, ResNet.bottlenecks(3, 4, 6, 3)),
            new VisionNetwork("resnet101", Shape.of(3, 224, 224), IMAGE_NET, ResNet.bottlenecks(3, 4, 23, 3)),
            new VisionNetwork("mobilenet-v2", Shape.of(3, 224, 224), IMAGE_NET, MobileNetV2::layers),
            new VisionNetwork("vit-tiny", Shape.of(3, 224, 224), IMAGE_NET, VisionTransformer.of(16, 192, 3, 12)),
            new VisionNetwork("unet-small", Shape.of(3, 64, 64), FOREGROUND, SmallNetworks::unet));

    /** All of them. */
    public static List<VisionNetwork> all() {
        return ALL;
    }

    /** Their names. */
    public static List<String> names() {
        return ALL.stream().map(VisionNetwork::name).toList();
    }

    /** By name, with {@code _} as good as {@code -}; null if there is none. */
    public static VisionNetwork of(String name) {
        UnaryOperator<String> plain = any -> any.toLowerCase(Locale.ROOT).replace('_', '-');
        return ALL.stream()
                .filter(network -> network.name.equals(plain.apply(name)))
                .findFirst()
                .orElse(null);
    }

    /**
     * The network in our format.
     *
     * @param image [channels, height, width]
     */
    public String json(Shape image, int number) {
        if (image.rank() != input.rank()) {
            throw new IllegalArgumentException(
                    name + ": an image has shape " + image + ", expected [channels, height, width]");
        }
        NetworkText text = new NetworkText(image);
        layers.add(text, number);
        return text.toString();
    }

    /** The shape that images of so many elements have if they are square, of one channel or of three; {@link #input} where they are not. */
    public Shape imageOf(Shape example) {
        if (example.rank() == input.rank()) {
            return example;
        }
        if (example.rank() == 2) {
            return example.prepend(1);
        }
        for (long channels = 1; channels <= 3; channels += 2) {
            long side = Math.round(Math.sqrt((double) example.elements() / channels));
            if (channels * side * side == example.elements()) {
                return Shape.of(channels, side, side);
            }
        }
        return input;
    }
}
