package dev.sagitta.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a parameter, with a name or by position, that is a file, or several, that a command reads; {@link CommandFiles} sees that no output goes there. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Reads {
    /** Which files a folder stands for that it names. */
    Folder folder() default Folder.MODEL;

    /** Whether it may name a preset model in place of a file. */
    boolean presets() default false;

    /** What a folder holds. */
    enum Folder {
        /** A network in Hugging Face's layout. */
        MODEL,
        IDX,
        CIFAR,
        /** Pictures by class: whatever file is in one of its folders. */
        IMAGES
    }
}
