package dev.sagitta.device;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds and opens devices: CUDA first, then an OpenCL GPU, then an OpenCL CPU, unless one is named. Says why it fell back. */
public final class Devices {
    private static final Logger LOG = LoggerFactory.getLogger(Devices.class);

    private Devices() {}

    /** Every device of every back end, the preferred one first. */
    public static List<DeviceInfo> list() {
        List<DeviceInfo> all = new ArrayList<>();
        for (DeviceProvider provider : providers()) {
            all.addAll(provider.discover().devices());
        }
        all.sort(Comparator.comparing(DeviceInfo::kind));
        return all;
    }

    /** Why back ends offer no device, with remedies; empty when all of them do. */
    public static List<String> problems() {
        List<String> problems = new ArrayList<>();
        for (DeviceProvider provider : providers()) {
            DeviceProvider.Discovery found = provider.discover();
            if (found.problem() != null) {
                problems.add(provider.prefix() + ": " + found.problem() + "; " + found.remedy());
            }
        }
        return problems;
    }

    /** The vendor's libraries for a device, found or not, see {@link DeviceProvider#libraries}. */
    public static List<DeviceLibrary> libraries(DeviceInfo info) {
        for (DeviceProvider provider : providers()) {
            if (info.id().startsWith(provider.prefix() + ":")) {
                return provider.libraries();
            }
        }
        return List.of();
    }

    /**
     * Opens a device.
     *
     * @param name {@code auto}, {@code cuda}, {@code opencl}, or with an index: {@code cuda:1}
     */
    public static Device open(String name) {
        if (name.equals("auto")) {
            List<DeviceInfo> all = list();
            if (all.isEmpty()) {
                throw new DeviceException("no device: " + String.join("; ", problems()));
            }
            if (all.get(0).kind() != DeviceKind.CUDA) {
                problems()
                        .forEach(problem ->
                                LOG.info("falling back to {}: {}", all.get(0).id(), problem));
            }
            return openFirst(all);
        }
        String[] parts = name.split(":", 2);
        int index = parts.length == 1 ? 0 : parseIndex(name, parts[1]);
        for (DeviceProvider provider : providers()) {
            if (provider.prefix().equals(parts[0])) {
                DeviceProvider.Discovery found = provider.discover();
                if (found.problem() != null) {
                    throw found.error(name);
                }
                if (index >= found.devices().size()) {
                    throw new DeviceException("device '" + name + "': there are "
                            + found.devices().size() + " " + parts[0]
                            + " devices, numbered from 0; `sagitta devices` lists them");
                }
                return provider.open(index);
            }
        }
        throw new DeviceException("device '" + name + "' is not known; expected auto, cuda[:i] or opencl[:i]");
    }

    /** A device may be listed and yet not open: in exclusive use by another process, or without memory for a context. */
    private static Device openFirst(List<DeviceInfo> candidates) {
        DeviceException failure = null;
        for (DeviceInfo candidate : candidates) {
            try {
                return open(candidate.id());
            } catch (DeviceException e) {
                LOG.warn(
                        "{} does not open, trying the next device: {}; name a device to insist on it",
                        candidate.id(),
                        e.getMessage());
                failure = e;
            }
        }
        throw failure;
    }

    /** Those of our own jar, whatever class loader the calling thread prefers. */
    private static ServiceLoader<DeviceProvider> providers() {
        return ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader());
    }

    private static int parseIndex(String name, String text) {
        if (!text.matches("[0-9]{1,4}")) {
            throw new DeviceException(
                    "device '" + name + "': '" + text + "' is not an index; expected auto, cuda[:i] or opencl[:i]");
        }
        return Integer.parseInt(text);
    }
}
