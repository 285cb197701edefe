/* Where each setting stands in an optimiser's settings, f32 [16] in device memory: so a captured graph follows a schedule without being captured
   again. Java's OptimiserSettings writes them; quantities such as 1 - beta2 and the bias corrections are computed there in fp64, because their fp32
   differences would carry errors of 1e-4. */
#ifndef SG_OPTIMISER_OPTIMISER_H
#define SG_OPTIMISER_OPTIMISER_H

#define SETTING_RATE 0             /* learning rate */
#define SETTING_DECAY 1            /* SGD: weight decay; AdamW: learning rate times weight decay */
#define SETTING_BETA1 2            /* SGD: momentum */
#define SETTING_ONE_MINUS_BETA1 3
#define SETTING_BETA2 4
#define SETTING_ONE_MINUS_BETA2 5
#define SETTING_EPSILON 6
#define SETTING_STEP_SIZE 7        /* learning rate / (1 - beta1^step) */
#define SETTING_INVERSE_ROOT_CORRECTION2 8 /* 1 / sqrt(1 - beta2^step) */
#define SETTING_MAX_NORM 9         /* of the gradient */
#define SETTING_NESTEROV 10        /* 0 or 1 */

#define OPTIMISER_DECAY_BLOCK 64   /* parameters that one byte of the decay mask stands for */
#define OPTIMISER_CLIP_EPSILON 1e-6f

#endif
