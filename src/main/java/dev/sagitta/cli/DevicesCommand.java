package dev.sagitta.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceException;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceLibrary;
import dev.sagitta.device.Devices;
import dev.sagitta.io.file.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sagitta devices}: what there is, and what it can do. */
@Command(
        name = "devices",
        mixinStandardHelpOptions = true,
        description =
                "Lists CUDA and OpenCL devices with measured copy bandwidth and fp32 GEMM rate, the preferred one first.")
final class DevicesCommand implements Callable<Integer> {
    /** Test only: its timings mean nothing and are never reported. */
    private static final String SIMULATED = "Simulated CUDA";

    @Writes(stdout = true)
    @Option(
            names = "--json",
            arity = "0..1",
            fallbackValue = "-",
            paramLabel = "FILE",
            description = "Write JSON to FILE; - or no FILE for stdout.")
    private String json;

    @Option(names = "--no-measure", description = "Do not measure.")
    private boolean noMeasure;

    /** Read by {@link Main}. */
    @Option(names = "--debug", description = "Print the stack trace of an error.")
    private boolean debug;

    @Spec
    private CommandSpec spec;

    /** One device as shown; rates are null where they were not measured. */
    private record Row(DeviceInfo info, Double copyBytesPerSecond, Double gemmFlopsPerSecond, String problem) {}

    @Override
    public Integer call() throws IOException {
        List<Row> rows = new ArrayList<>();
        for (DeviceInfo info : Devices.list()) {
            rows.add(noMeasure || info.name().equals(SIMULATED) ? new Row(info, null, null, null) : measure(info));
        }
        List<String> problems = Devices.problems();
        if (CommandFiles.isStandardOutput(json)) {
            out().println(toJson(rows, problems));
        } else {
            if (json != null) {
                AtomicFile.writeText(Path.of(json), toJson(rows, problems) + "\n");
            }
            rows.forEach(this::print);
            problems.forEach(problem -> out().println("none of " + problem));
        }
        out().flush();
        return rows.isEmpty() ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
    }

    private static Row measure(DeviceInfo info) {
        Double copy = null;
        try (Device device = Devices.open(info.id())) {
            DeviceProbe probe = new DeviceProbe(device);
            copy = probe.copyBytesPerSecond();
            return new Row(info, copy, probe.gemmFlopsPerSecond(), null);
        } catch (DeviceException e) {
            return new Row(info, copy, null, e.getMessage());
        }
    }

    private void print(Row row) {
        DeviceInfo info = row.info();
        PrintWriter out = out();
        out.printf(Locale.ROOT, "%-10s %s%n", info.id(), info.name());
        out.printf(Locale.ROOT, "           driver %s, %s, %s%n", info.driver(), info.architecture(), info.kind());
        out.printf(
                Locale.ROOT,
                "           memory %.1f GB, %d compute units, work-groups up to %d, local memory %d KiB%n",
                info.memoryBytes() * 1e-9,
                info.computeUnits(),
                info.maxWorkGroup(),
                info.localMemoryBytes() >> 10);
        Devices.libraries(info).forEach(library -> out.println("           " + library));
        if (row.copyBytesPerSecond() != null) {
            out.printf(Locale.ROOT, "           copy %.1f GB/s (read + written)", row.copyBytesPerSecond() * 1e-9);
            if (row.gemmFlopsPerSecond() != null) {
                out.printf(Locale.ROOT, ", fp32 GEMM %.1f GFLOP/s", row.gemmFlopsPerSecond() * 1e-9);
            }
            out.println();
        } else if (row.problem() == null) {
            out.println("           not measured");
        }
        if (row.problem() != null) {
            out.println("           measuring failed: "
                    + row.problem().lines().findFirst().orElse(""));
        }
    }

    private static String toJson(List<Row> rows, List<String> problems) throws IOException {
        List<Map<String, Object>> devices = new ArrayList<>();
        for (Row row : rows) {
            DeviceInfo info = row.info();
            Map<String, Object> device = new LinkedHashMap<>();
            device.put("id", info.id());
            device.put("kind", info.kind().name());
            device.put("name", info.name());
            device.put("driver", info.driver());
            device.put("architecture", info.architecture());
            device.put("memory_bytes", info.memoryBytes());
            device.put("max_allocation_bytes", info.maxAllocationBytes());
            device.put("compute_units", info.computeUnits());
            device.put("local_memory_bytes", info.localMemoryBytes());
            device.put("max_work_group", info.maxWorkGroup());
            device.put("libraries", libraries(info));
            device.put("copy_bytes_per_second", row.copyBytesPerSecond());
            device.put("gemm_f32_flops_per_second", row.gemmFlopsPerSecond());
            if (row.problem() != null) {
                device.put("problem", row.problem());
            }
            devices.add(device);
        }
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("devices", devices);
        document.put("problems", problems);
        return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(document);
    }

    private static List<Map<String, String>> libraries(DeviceInfo info) {
        List<Map<String, String>> libraries = new ArrayList<>();
        for (DeviceLibrary found : Devices.libraries(info)) {
            Map<String, String> library = new LinkedHashMap<>();
            library.put("name", found.name());
            library.put("version", found.version());
            library.put("place", found.place());
            library.put("problem", found.problem());
            libraries.add(library);
        }
        return libraries;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
