package dev.sagitta;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PackagingTest {

    @Test
    void kernelFilesAreResources() {
        assertThat(PackagingTest.class.getResource("/dev/sagitta/kernels/lib/dialect.h"))
                .isNotNull();
    }
}
