/* The stand-in for ../cairo where the library is built without it: figures can be filled and printed, not written. */
#include "core/error.h"
#include "plot/figure.h"

socle_status socle_figure_write(const socle_figure *f, const char *path)
{
    SOCLE_TRY(figure_check(f));
    SOCLE_CHECK(path != NULL, SOCLE_ERR_ARG, "figure: no file is named");
    return socle_fail(SOCLE_ERR_UNSUPPORTED, "figure: '%s' cannot be drawn: this library was built without cairo",
                      path);
}
