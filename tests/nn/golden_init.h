/* Made by golden_init.py with PyTorch 2.15.0+cu132. */
enum { GOLDEN_SEEDS = 400 };
static const struct golden {
    const char *name;
    double mean, deviation; /* over the seeds */
} golden[] = {
    { "default_conv_mean", 0.00307573, 0.0208986 },   { "default_conv_std", 0.58827, 0.00954838 },
    { "default_relu_mean", 0.235529, 0.0111632 },     { "default_relu_std", 0.345011, 0.00898267 },
    { "linear_conv_mean", 0.00305234, 0.0208573 },    { "linear_conv_std", 1.00446, 0.0257895 },
    { "normal_relu_mean", 0.562767, 0.0178234 },      { "normal_relu_std", 0.833895, 0.0221899 },
    { "uniform_relu_mean", 0.565318, 0.0132758 },     { "uniform_relu_std", 0.830667, 0.0143425 },
    { "default_out_mean", -0.00234899, 0.0404153 },   { "default_out_std", 0.00880347, 0.00146111 },
    { "default_grad_mean", 4.6209e-05, 0.00103558 },  { "default_grad_std", 0.0138541, 0.00353762 },
    { "kaiming_out_mean", 0.013526, 0.654904 },       { "kaiming_out_std", 0.309849, 0.0485491 },
    { "kaiming_grad_mean", -0.000738766, 0.0134316 }, { "kaiming_grad_std", 0.204941, 0.0636584 },
};
