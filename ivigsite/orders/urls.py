from django.urls import path

from ivigsite.orders import views

urlpatterns = [
    path("assessments/<uuid:assessment_id>/orders/", views.choose, name="choose_orders"),
    path("assessments/<uuid:assessment_id>/orders/sign/", views.sign, name="sign_orders"),
    path("orders/<uuid:order_set_id>/", views.order_set, name="order_set"),
    path("orders/<uuid:order_set_id>/print/", views.print_sheet, name="print_sheet"),
    path("orders/<uuid:order_set_id>/void/", views.void, name="void_order_set"),
    path("sheets/<uuid:print_id>/", views.sheet_file, name="sheet_file"),
]
