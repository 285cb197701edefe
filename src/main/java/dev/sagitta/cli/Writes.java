package dev.sagitta.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks an option that names a file that a command writes; {@link CommandFiles} checks it before the command runs. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Writes {
    /** Of an option that names a folder, made if need be: the files that are written in it. */
    String[] files() default {};

    /** Whether {@code -} stands for stdout. */
    boolean stdout() default false;

    /** Whether the file is written in place, line by line, and not whole at the end. */
    boolean inPlace() default false;

    /** The option whose file this one may replace, since it is its continuation: read before, written whole. */
    String over() default "";
}
