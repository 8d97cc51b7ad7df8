/* The finite points of Winograd's F(4x4, 3x3) and F(3x3, 4x4): 0, +-p, +-q; and products of them. */
#ifndef CPU_ISA_WINOGRAD_POINTS_H
#define CPU_ISA_WINOGRAD_POINTS_H

#define WINOGRAD_P     0.6875f /* the points, and their powers */
#define WINOGRAD_P2    0.47265625f
#define WINOGRAD_P3    0.324951171875f
#define WINOGRAD_P4    0.2234039306640625f
#define WINOGRAD_Q     1.375f
#define WINOGRAD_Q2    1.890625f
#define WINOGRAD_Q3    2.599609375f
#define WINOGRAD_Q4    3.574462890625f
#define WINOGRAD_P2Q2  0.89361572265625f                               /* N(0), too */
#define WINOGRAD_P2_Q2 2.36328125f                                     /* P2 + Q2 */
#define WINOGRAD_PQ2   1.2998046875f                                   /* P Q2 */
#define WINOGRAD_QP2   0.64990234375f                                  /* Q P2 */
#define WINOGRAD_NP    (2 * WINOGRAD_P2 * (WINOGRAD_P2 - WINOGRAD_Q2)) /* N(+-P) */
#define WINOGRAD_NQ    (2 * WINOGRAD_Q2 * (WINOGRAD_Q2 - WINOGRAD_P2)) /* N(+-Q) */

#endif
