using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Inventory);
builder.AddAggregateStore();
builder.Services.AddSingleton<StockLevels>();
builder.AddFollowUps<Reservation>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.MapReservations();
app.On<ProductCreated>(StockProduct.Handle);
app.On<ProductDiscontinued>(DiscontinueStock.Handle);
app.On<StockRestocked>(Restock.Told);
app.On<OrderCreated>(ReserveStock.Handle);
app.On<OrderPaid>(TakeStock.Handle);
app.On<OrderCancelled>(ReleaseStock.Cancelled);
app.On<OrderReturned>(ReleaseStock.Returned);

app.Run();
