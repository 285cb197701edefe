package dev.sagitta.bench;

import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceKind;
import dev.sagitta.device.Devices;
import dev.sagitta.device.cuda.CudaDevice;
import dev.sagitta.fixture.TimedBench;
import dev.sagitta.fixture.TimedCases;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Every kernel and every whole job in one JVM: checked, warmed, timed by the device's clock, and written down as it goes, one line of JSON
 * each. What fails is reported and not timed, the rest goes on, and the exit status is 1.
 */
final class Quick {
    private final QuickOptions options;
    private final Device device;
    private final QuickTimer timer;
    private final PrintWriter json;
    private final Machine known;
    private final List<String> failed = new ArrayList<>();
    private Machine machine;
    private int done;

    private Quick(QuickOptions options, Device device, QuickTimer timer, PrintWriter json) {
        this.options = options;
        this.device = device;
        this.timer = timer;
        this.json = json;
        this.known = Machine.named(device.info().name()).orElse(null);
    }

    public static void main(String[] args) throws Exception {
        QuickOptions options;
        try {
            options = QuickOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("sagitta: " + e.getMessage() + "\n" + QuickOptions.USAGE);
            System.exit(2);
            return;
        }
        if (options.help()) {
            System.out.println(QuickOptions.USAGE);
            return;
        }
        System.exit(run(options, args) ? 0 : 1);
    }

    private static boolean run(QuickOptions options, String[] args) throws Exception {
        long start = System.nanoTime();
        try (Device device = Devices.open(options.device())) {
            Path file = options.file(device.info());
            Files.createDirectories(file.toAbsolutePath().getParent());
            boolean good;
            try (QuickTimer timer = new QuickTimer(device.stream(), options.smoke());
                    PrintWriter json = new PrintWriter(Files.newBufferedWriter(file, StandardCharsets.UTF_8))) {
                json.println(Environment.now(command(args), device));
                Quick quick = new Quick(options, device, timer, json);
                good = quick.everything();
                System.out.printf(
                        Locale.ROOT,
                        "quick: %d ok, %d failed%s in %.0f s; %s%n",
                        quick.done,
                        quick.failed.size(),
                        quick.failed.isEmpty() ? "" : " " + quick.failed,
                        1e-9 * (System.nanoTime() - start),
                        file);
            }
            if (options.document() != null && options.isWhole()) {
                BenchTable.main(
                        new String[] {file.toString(), options.document().toString()});
            }
            return good;
        }
    }

    /** As a person typed it: without the folders that the launcher adds. */
    private static List<String> command(String[] args) {
        List<String> command = new ArrayList<>(List.of("--quick"));
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--results") || args[i].equals("--document")) {
                i++;
            } else {
                command.add(args[i]);
            }
        }
        return command;
    }

    private boolean everything() {
        System.out.println(device.info().id() + " " + device.info().name());
        if (options.once()) {
            return rows();
        }
        try {
            long start = System.nanoTime();
            machine = Ceilings.measure(device, timer, options.smoke());
            QuickRow row = options.smoke() ? QuickRow.untimed("limits") : QuickRow.limits(machine);
            print(row.took(1e-9 * (System.nanoTime() - start)));
        } catch (Exception | LinkageError | OutOfMemoryError e) {
            failed.add("limits");
            print(QuickRow.failed("limits", e));
            return false;
        }
        System.out.println(QuickRow.HEADER);
        return rows();
    }

    private boolean rows() {
        for (Map.Entry<String, Entry> entry : entries().entrySet()) {
            if (!options.takes(entry.getKey())) {
                continue;
            }
            if (!row(entry.getKey(), entry.getValue())) {
                failed.add(entry.getKey());
                if (!deviceAnswers()) {
                    System.out.println("the device answers no more, what follows was not run; go on with --from and "
                            + "the name after '" + entry.getKey() + "'");
                    break;
                }
            } else {
                done++;
            }
        }
        return failed.isEmpty();
    }

    /** @param share of the step that counts, one of so many */
    private record Entry(Workload.Builder builder, QuickTimer.Mode mode, int share) {}

    private Map<String, Entry> entries() {
        Map<String, Entry> entries = new LinkedHashMap<>();
        boolean gpu = device.kind() != DeviceKind.OPENCL_CPU;
        boolean vendor = device instanceof CudaDevice cuda && cuda.blas().isPresent();
        TimedCases.on(gpu, vendor).forEach((name, timed) -> {
            Workload.Builder builder = bench -> Workload.of(bench, timed);
            entries.put(name, new Entry(builder, QuickTimer.Mode.GRAPH, 1));
            if (name.equals("empty")) {
                entries.put("empty_queued", new Entry(builder, QuickTimer.Mode.QUEUED, 1));
                entries.put("empty_wait", new Entry(builder, QuickTimer.Mode.WAIT, 1));
            }
        });
        Map<String, Jobs.Job> jobs = new LinkedHashMap<>();
        Jobs.add(jobs);
        // a program brings its own graph, which cannot be captured into another one
        jobs.forEach((name, job) -> entries.put(name, new Entry(job.builder(), QuickTimer.Mode.QUEUED, job.share())));
        return entries;
    }

    private boolean row(String name, Entry entry) {
        long start = System.nanoTime();
        QuickRow row;
        boolean good = true;
        try (TimedBench bench = new TimedBench(device, options.smoke())) {
            Workload work = entry.builder.build(bench);
            work.verify(bench.stream());
            row = options.once() ? QuickRow.untimed(name) : timed(name, entry, work);
        } catch (Exception | LinkageError | OutOfMemoryError e) {
            row = QuickRow.failed(name, e);
            good = false;
        }
        print(row.took(1e-9 * (System.nanoTime() - start)));
        return good;
    }

    private QuickRow timed(String name, Entry entry, Workload work) {
        QuickTimer.Timing timing = timer.time(work.rotation(), entry.mode);
        QuickRow row = QuickRow.timed(name, work, timing, entry.share, machine, known);
        return options.smoke() ? QuickRow.untimed(name) : row;
    }

    /** After some errors of a kernel, such as a bad address, a CUDA context is lost, and with it the process. */
    private boolean deviceAnswers() {
        try (TimedBench bench = new TimedBench(device, true)) {
            return bench.floats(bench.uniform("probe", 64)).length == 64;
        } catch (Exception e) {
            return false;
        }
    }

    private void print(QuickRow row) {
        json.println(row.json());
        json.flush();
        System.out.println(row.line());
    }
}
