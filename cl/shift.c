/* Images moved, mirrored and cut: one work-item a pixel of the result. */
#include "map.h"
#include "slots.h"
#include "temp.h"

enum { OPTIONS = 64 };

socle_status ocl_shift_images(void *self, socle_out y, socle_in x, socle_in place, float pad)
{
    char options[OPTIONS];
    bool wide = ocl_maps_wide(3, (socle_in[]){ y, x, place });
    ocl_call k = ocl_begin(self, "shift.cl", "shift_images", ocl_index_options(wide, options, sizeof options, ""));
    ocl_arg_map(&k, wide, y);
    ocl_arg_map(&k, wide, x);
    ocl_arg_buffer(&k, y->buffer);
    ocl_arg_buffer(&k, x->buffer);
    ocl_arg_buffer(&k, place->buffer);
    ocl_arg_index(&k, wide, ocl_start(place));
    ocl_arg_float(&k, pad);
    return ocl_run(&k, 3, (size_t[]){ (size_t)y->dim[0], (size_t)(y->dim[2] * y->dim[3]), (size_t)y->dim[1] },
                   NULL);
}
