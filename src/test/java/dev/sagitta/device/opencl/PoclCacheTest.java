package dev.sagitta.device.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sagitta.device.DeviceInfo;
import dev.sagitta.device.DeviceProvider;
import dev.sagitta.fixture.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PoCL hides its device where it cannot write its cache: said, instead of the advice to install what is installed. */
class PoclCacheTest {
    @TempDir
    Path folder;

    static final class Discover {
        public static void main(String[] arguments) {
            DeviceProvider.Discovery found = new OpenClProvider().discover();
            System.out.println(found.devices().stream().map(DeviceInfo::id).toList() + " " + found.problem() + "; "
                    + found.remedy());
        }
    }

    @Test
    void theFolderFollowsTheVariablesThatPoclReads() {
        assertThat(PoclCache.folder(Map.of("POCL_CACHE_DIR", "/c", "XDG_CACHE_HOME", "/x", "HOME", "/h")))
                .isEqualTo(Path.of("/c"));
        assertThat(PoclCache.folder(Map.of("XDG_CACHE_HOME", "/x", "HOME", "/h")))
                .isEqualTo(Path.of("/x/pocl/kcache"));
        assertThat(PoclCache.folder(Map.of("HOME", "/h"))).isEqualTo(Path.of("/h/.cache/pocl/kcache"));
        assertThat(PoclCache.folder(Map.of())).isEqualTo(Path.of("/tmp/pocl/kcache"));
    }

    @Test
    void aFolderThatCanBeMadeIsNoProblem() {
        assertThat(PoclCache.problem(Map.of("HOME", folder.toString()))).isNull();
        assertThat(PoclCache.problem(Map.of("POCL_CACHE_DIR", folder + "/a/b/c")))
                .isNull();
    }

    @Test
    void oneThatCannotBeMadeIsNamed() throws Exception {
        // a file in its place stops root too
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThat(PoclCache.problem(Map.of("HOME", file.toString())))
                .isEqualTo("PoCL shows no device because it cannot write its cache " + file + "/.cache/pocl/kcache");
    }

    @Test
    void discoveryNamesTheCause() throws Exception {
        List<DeviceInfo> devices = new OpenClProvider().discover().devices();
        assumeTrue(devices.size() == 1 && devices.get(0).architecture().contains("PoCL"));
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThat(ChildJvm.run(Map.of("POCL_CACHE_DIR", file + "/cache"), List.of(), Discover.class))
                .contains("[] no OpenCL platform has a device: PoCL shows no device because it cannot write its cache "
                        + file + "/cache; set POCL_CACHE_DIR to a folder that can be written\n");
    }
}
