package dev.sagitta.kernel.gemm;

import dev.sagitta.device.Buffer;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.MemoryCategory;
import dev.sagitta.device.Stream;
import dev.sagitta.device.cuda.CublasGemm;
import dev.sagitta.device.cuda.CublasLt;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.kernel.Fastest;
import dev.sagitta.kernel.Step;
import dev.sagitta.kernel.elementwise.Bias;
import dev.sagitta.tensor.DType;
import dev.sagitta.tensor.Shape;
import dev.sagitta.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link Gemm} with a bias, without function, into fp32, on a CUDA device that has cuBLAS. The first of a kind is measured in every way that
 * computes it, into memory of no use, and the fastest way serves that kind for as long as the process lives: so the same product has the same
 * bits each time. Another process may choose otherwise where two ways are close; {@code -Dsagitta.gemm.bias=cublaslt|cublas|own} decides for it.
 */
final class BiasedGemm {
    private static final Logger LOG = LoggerFactory.getLogger(BiasedGemm.class);
    private static final String PROPERTY = "sagitta.gemm.bias";

    /** For the process, not for an opened device: a program that opens it again goes on with the same bits. */
    private static final Map<Key, Way> CHOSEN = new ConcurrentHashMap<>();

    private record Key(DeviceInfo device, GemmKind kind) {}

    /** The preferred one first. */
    private enum Way {
        /** One launch, the bias in its epilogue. */
        CUBLASLT {
            @Override
            Optional<Step> prepare(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
                Tensor a = gemm.a();
                Tensor b = gemm.b();
                Tensor c = gemm.c();
                Tensor bias = gemm.bias();
                return device.blasLt()
                        .flatMap(lt -> lt.plan(
                                gemm.transA(),
                                gemm.transB(),
                                (int) gemm.m(),
                                (int) gemm.n(),
                                (int) gemm.k(),
                                gemm.alpha(),
                                a.buffer(),
                                Gemm.stride(a),
                                b.buffer(),
                                Gemm.stride(b),
                                gemm.beta(),
                                c.buffer(),
                                Gemm.stride(c),
                                (int) gemm.batch(),
                                bias.buffer(),
                                bias.elements() > gemm.n() ? gemm.n() : 0,
                                precision))
                        .map(PlanStep::new);
            }
        },
        /** The product, then {@link BiasAdd}. */
        CUBLAS {
            @Override
            Optional<Step> prepare(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
                Tensor bias = gemm.bias();
                Shape shape = bias.elements() > gemm.n() ? Shape.of(gemm.batch(), gemm.n()) : Shape.of(gemm.n());
                return CublasStep.of(gemm.bias(null), device)
                        .map(product -> Step.sequence(List.of(
                                product, Bias.add(gemm.c(), bias.reshape(shape)).prepare(device))));
            }
        },
        OWN {
            @Override
            Optional<Step> prepare(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
                return Optional.of(gemm.prepareKernel(device));
            }
        };

        abstract Optional<Step> prepare(Gemm gemm, CudaDevice device, CublasGemm.Precision precision);

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private record PlanStep(CublasLt.Plan plan) implements Step {
        @Override
        public void enqueue(Stream stream) {
            plan.enqueue(stream);
        }

        @Override
        public void close() {
            plan.close();
        }
    }

    private BiasedGemm() {}

    /** Empty where {@code gemm} has no bias or a function, or is not for cuBLAS: then our own kernel serves. */
    static Optional<Step> of(Gemm gemm, Device device) {
        if (gemm.bias() == null
                || gemm.function() != null
                || gemm.c().dtype() != DType.F32
                || !(device instanceof CudaDevice cuda)
                || cuda.blas().isEmpty()) {
            return Optional.empty();
        }
        CublasGemm.Precision precision = CublasStep.precision(gemm);
        Way wanted = forced();
        if (wanted == null) {
            wanted = chosen(gemm, cuda, precision);
        }
        boolean recording = cuda.stream().isRecording();
        if (!recording) {
            cuda.blas().get().prepare(cuda.stream());
        }
        for (Way way : Way.values()) {
            if (way.compareTo(wanted) >= 0 && (recording || way != Way.CUBLASLT || ltWorks(gemm, cuda, precision))) {
                Optional<Step> step = way.prepare(gemm, cuda, precision);
                if (step.isPresent()) {
                    return step;
                }
            }
        }
        return Optional.empty();
    }

    private static boolean ltWorks(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
        return FirstProduct.works(
                gemm,
                GemmKind.of(gemm, precision),
                device,
                device.blas().orElseThrow(),
                other -> Way.CUBLASLT.prepare(other, device, precision));
    }

    /** The way that the property names, or null. */
    private static Way forced() {
        String name = System.getProperty(PROPERTY, "auto");
        if (name.equals("auto")) {
            return null;
        }
        return Arrays.stream(Way.values())
                .filter(way -> way.label().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("-D" + PROPERTY + "=" + name + ": expected auto, "
                        + Arrays.stream(Way.values()).map(Way::label).collect(Collectors.joining(", "))));
    }

    private static Way chosen(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
        Key key = new Key(device.info(), GemmKind.of(gemm, precision));
        Way way = CHOSEN.get(key);
        if (way != null) {
            return way;
        }
        if (device.stream().isRecording()) {
            return Way.values()[0];
        }
        synchronized (CHOSEN) { // two measurements at a time would disturb each other
            way = CHOSEN.get(key);
            if (way == null) {
                way = measure(gemm, device, precision);
                if (way == null) {
                    return Way.values()[0];
                }
                CHOSEN.put(key, way);
                if (way == Way.CUBLASLT) {
                    device.blas().orElseThrow().ran(key.kind());
                }
                LOG.debug("{} on {}: by {}", key.kind(), device.info().id(), way.label());
            }
            return way;
        }
    }

    /** Null where there is no memory for it, or nothing works. */
    private static Way measure(Gemm gemm, CudaDevice device, CublasGemm.Precision precision) {
        List<Way> ways = new ArrayList<>();
        List<Step> steps = new ArrayList<>();
        try (Stream stream = device.newStream("products with a bias");
                Buffer unused = device.allocate(gemm.c().bytes(), MemoryCategory.WORKSPACE, "product of no use")) {
            device.blas().orElseThrow().prepare(stream);
            for (Way way : Way.values()) {
                way.prepare(gemm.into(unused), device, precision).ifPresent(step -> {
                    ways.add(way);
                    steps.add(step);
                });
            }
            Step fastest = Fastest.of(steps, stream);
            return fastest == null ? null : ways.get(steps.indexOf(fastest));
        } catch (DeviceException e) {
            LOG.debug("not measured: {}", e.getMessage());
            return null;
        } finally {
            steps.forEach(Step::close);
        }
    }
}
