"""Language models that may choose which sentence a promo quotes; none is asked unless the clinic sets one."""
