/** From a graph to launches: what is kept, the schedule of tasks, the plan of memory. */
package dev.sagitta.program.compile;
