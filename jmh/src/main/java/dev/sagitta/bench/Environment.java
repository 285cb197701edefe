package dev.sagitta.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sagitta.device.Device;
import dev.sagitta.device.DeviceInfo;
import dev.sagitta.fixture.TimedBench;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;

/** What a run was made on and by which command, kept beside its raw results: {@code NAME.environment.json} for {@code NAME.json}. */
final class Environment {
    private Environment() {}

    static Path beside(Path results) {
        String name = results.getFileName().toString().replaceFirst("\\.json$", "");
        return results.resolveSibling(name + ".environment.json");
    }

    /** Facts as of now: before the run, so that the load is the others'. */
    static ObjectNode now(List<String> arguments) {
        try (TimedBench bench = new TimedBench()) {
            return now(arguments, bench.device());
        } catch (Exception e) {
            throw new IllegalStateException("the device could not be closed: " + e.getMessage(), e);
        }
    }

    static ObjectNode now(List<String> arguments, Device device) {
        ObjectNode node = new ObjectMapper().createObjectNode();
        node.put(
                "date",
                ZonedDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm 'UTC'")));
        node.put("command", command(arguments));
        node.put("processor", processor());
        node.put("cores", Runtime.getRuntime().availableProcessors());
        node.put("load", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
        node.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        node.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        DeviceInfo info = device.info();
        node.put("device", info.id() + " " + info.name());
        node.put("driver", info.driver());
        node.put("architecture", info.architecture());
        OpenBlas.find().ifPresent(blas -> node.put("openblas", blas.description()));
        return node;
    }

    /** Of a class that is run by itself: names of files, without the folders of a machine. */
    static ObjectNode of(Class<?> program, String[] arguments, Device device) {
        StringBuilder command = new StringBuilder(program.getName());
        for (String argument : arguments) {
            command.append(' ').append(Path.of(argument).getFileName());
        }
        return now(List.of(), device).put("command", command.toString());
    }

    private static String command(List<String> arguments) {
        StringBuilder command = new StringBuilder();
        for (String name : new String[] {"SAGITTA_BENCH_NAME", "SAGITTA_JAVA_OPTS", "POCL_AFFINITY"}) {
            String value = System.getenv(name);
            if (value != null && !value.isEmpty()) {
                command.append(name).append('=').append(quoted(value)).append(' ');
            }
        }
        command.append("./sagitta bench");
        for (int i = 0; i < arguments.size(); i++) {
            if (arguments.get(i).equals("-rf") || arguments.get(i).equals("-rff")) {
                i++;
            } else {
                command.append(' ').append(quoted(arguments.get(i)));
            }
        }
        return command.toString();
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=,+-]+") ? text : "'" + text + "'";
    }

    private static String processor() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            String model = "";
            boolean avx512 = false;
            for (String line : (Iterable<String>) lines::iterator) {
                if (line.startsWith("model name") && model.isEmpty()) {
                    model = line.substring(line.indexOf(':') + 1).strip();
                }
                avx512 |= line.startsWith("flags") && line.contains(" avx512f");
            }
            return model + (avx512 ? " (AVX-512)" : "");
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }
}
