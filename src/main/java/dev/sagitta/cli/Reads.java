package dev.sagitta.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a parameter, with a name or by position, that is a file, or several, that a command reads; {@link CommandFiles} sees that no output goes there. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Reads {
    /** Whether it names a folder with MNIST's files. */
    boolean idx() default false;

    /** Whether it may name a preset model in place of a file. */
    boolean presets() default false;
}
